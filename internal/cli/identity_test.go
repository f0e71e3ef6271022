package cli_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/cli"
)

func TestIdentityCommands(t *testing.T) {
	tmp := t.TempDir()
	data := filepath.Join(tmp, "data")
	at, stop := startServer(t, data)
	server := []string{"--url", "http://" + at.Admin, "--data", data}
	do := func(code int, words string, args ...string) string {
		t.Helper()
		return expect(t, code, words, append(args, server...)...)
	}
	file := func(name, content string) string {
		t.Helper()
		path := filepath.Join(tmp, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	policy := file("policy.json", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}`)
	trust := file("trust.json", `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"}]}`)

	// Accounts. That of the settings is there from the start.
	do(0, "000000000000 … -", "account", "list")
	do(0, "111122223333  shop", "account", "create", "shop", "--id", "111122223333")
	do(1, "already", "account", "create", "shop")
	do(2, "12 digits … account create --help", "account", "create", "--id", "1")
	do(0, `"name": "shop"`, "account", "list", "-o", "json")

	// Users, groups and roles.
	do(0, "arn:aws:iam::000000000000:user/ann", "user", "create", "ann")
	do(0, "arn:aws:iam::111122223333:user/ops/ann", "user", "create", "ann", "--account", "shop", "--path", "/ops/")
	do(1, "has a user Ann already … Choose another name", "user", "create", "Ann")
	do(2, "user name", "user", "create", "a b")
	do(0, "GROUP  ID", "group", "create", "staff")
	do(0, "user ann is in group staff", "group", "add", "staff", "ann")
	do(0, "  staff  ", "user", "list")
	do(0, `"ann"`, "group", "list", "-o", "json")
	do(0, "user ann is not in group staff", "group", "remove", "staff", "ann")
	do(2, "--trust is missing", "role", "create", "deploy")
	do(0, "role/deploy  4h0m0s", "role", "create", "deploy", "--trust", trust, "--max-session", "4h")
	do(2, "whole seconds", "role", "update", "deploy", "--max-session", "3600001ms")
	do(2, "nothing to change", "role", "update", "deploy")
	do(0, "2h0m0s", "role", "update", "deploy", "--max-session", "2h")
	do(0, "sts:AssumeRole", "role", "list", "-o", "json")

	// Policies.
	do(0, "user ann has policy all", "policy", "put", "all", policy, "--user", "ann")
	if out := do(0, "", "policy", "get", "all", "--user", "ann"); out != `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}`+"\n" {
		t.Errorf("the policy comes back as %s", out)
	}
	do(0, "all     97", "policy", "list", "--user", "ann")
	do(2, "exactly one of --user, --group and --role", "policy", "list")
	do(2, "the policy cannot be used", "policy", "put", "all", file("bad.json", "[]"), "--role", "deploy")
	do(2, "Name a file", "policy", "put", "all", filepath.Join(tmp, "none"), "--role", "deploy")
	do(0, "user ann has no policy all any more", "policy", "delete", "all", "--user", "ann")
	do(1, "user ann has no policy", "policy", "get", "all", "--user", "ann")
	testKeys(t, do, file)

	do(1, "has users … Nothing was changed", "account", "delete", "shop")
	do(0, "user ann deleted", "user", "delete", "ann", "--account", "shop")
	do(0, "account shop deleted", "account", "delete", "shop")
	do(0, "group staff deleted", "group", "delete", "staff")
	do(0, "role deploy deleted", "role", "delete", "deploy")
	keys := do(0, "ann", "key", "list")
	stop()

	// All of it is there after a restart.
	at, stop = startServer(t, data)
	defer stop()
	server[1] = "http://" + at.Admin
	if again := do(0, "ann", "key", "list"); again != keys {
		t.Errorf("after a restart:\n%s\nbefore it:\n%s", again, keys)
	}
}

func testKeys(t *testing.T, do func(int, string, ...string) string, file func(string, string) string) {
	var made struct{ ID, Secret, User string }
	if err := json.Unmarshal([]byte(do(0, "", "key", "create", "ann", "-o", "json")), &made); err != nil {
		t.Fatal(err)
	}
	if len(made.ID) != 20 || len(made.Secret) != 40 || made.User != "ann" {
		t.Errorf("a key with ID %q and a secret of %d characters", made.ID, len(made.Secret))
	}
	do(2, "give either USER or --root", "key", "create")
	do(2, "give either USER or --root", "key", "create", "ann", "--root")
	if out := do(0, "", "key", "create", "--root", "-o", "env"); !regexp.MustCompile(`^export AWS_ACCESS_KEY_ID=AKIA\w{16} AWS_SECRET_ACCESS_KEY=\S{40}\n$`).MatchString(out) {
		t.Error("-o env is not what a shell takes")
	}
	credentials := do(0, "[ann]", "key", "rotate", made.ID, "-o", "credentials-file")
	do(1, "2 access keys already: delete one first … Delete what is not needed", "key", "rotate", made.ID)
	do(0, "disabled", "key", "disable", made.ID)
	list := do(0, made.ID+"  ann   disabled", "key", "list", "ann")
	if strings.Contains(list, made.Secret) || strings.Contains(list, "root") {
		t.Errorf("the list of ann's keys:\n%s", list)
	}
	do(0, "enabled", "key", "enable", made.ID)
	do(0, "deleted", "key", "delete", made.ID)
	do(1, "no access key … The list commands", "key", "delete", made.ID)

	// A credentials file comes back in.
	do(0, "ann has access key AKIA", "key", "import", file("credentials", "# keys\n\n"+credentials+"\n[worker]\naws_access_key_id=AKIAIMPORTED0000\naws_secret_access_key = imported=secret\n"))
	do(0, "AKIAIMPORTED0000  worker  active", "key", "list", "worker")
	for content, words := range map[string]string{
		"":                           "no [profile]",
		"a = b":                      "line 1 stands before",
		"[worker":                    "line 1 is not a [profile]",
		"[w]\nx":                     "line 2 is not NAME = VALUE … Nothing was changed",
		"[w]\naws_session_token = x": "line 2: aws_session_token cannot be imported",
		"[w]\naws_access_key_id = x": "profile w has no",
		"[w]\naws_access_key_id = x\n" + "aws_access_key_id = y": "line 3: aws_access_key_id is there twice",
		"[w]\naws_access_key_id = x\naws_secret_access_key = y":  "profile w: access key ID \"x\"",
	} {
		do(2, words, "key", "import", file("wrong", content))
	}
	half := "[first]\naws_access_key_id=AKIAIMPORTED0001\naws_secret_access_key=imported-secret-1\n[second]\naws_access_key_id=x\naws_secret_access_key=y\n"
	do(1, "profile second: access key ID \"x\" … The profiles before it were stored. Correct the file", "key", "import", file("half", half))
	do(0, "AKIAIMPORTED0001  first  active", "key", "list", "first")
}

func TestIdentityCommandsFindTheirServer(t *testing.T) {
	tmp := t.TempDir()
	expect(t, 1, "read the admin token … --data or --admin-token-file", "user", "list", "--data", tmp)
	expect(t, 1, "no answer … Is the server running", "user", "list", "--admin-token-file", "/dev/null", "--url", "http://127.0.0.1:1")
	if os.Getuid() != 0 { // root may read everything
		token := filepath.Join(tmp, "token")
		if err := os.WriteFile(token, []byte("x"), 0); err != nil {
			t.Fatal(err)
		}
		expect(t, 1, "permission denied … the one that the server runs as", "user", "list", "--admin-token-file", token)
		expect(t, 2, "permission denied … who may read it", "backup", "verify", token)
	}
	code, _, stderr := run([]string{"STAUNCH_JOURNAL=memory"}, "user", "list")
	if code != 2 || !strings.Contains(stderr, "the journal in memory") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for words, length := range map[string]string{
		"broke off: unexpected EOF … sk again … log of the server": "100",
		"is not what this program expects … staunch version":       "1",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", length)
			_, _ = w.Write([]byte("x"))
		}))
		at := []string{"--url", server.URL, "--admin-token-file", "/dev/null"}
		expect(t, 1, words, append([]string{"user", "list"}, at...)...)
		expect(t, 2, words, append([]string{"policy", "test", "--principal", "anonymous", "--action", "sqs:SendMessage", "--resource", "arn:aws:sqs:r:111111111111:q"}, at...)...)
		server.Close()
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// A secret that could not be shown is lost, and the key is there.
func TestANewKeyThatCannotBeShown(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	at, stop := startServer(t, data)
	defer stop()
	for _, form := range []string{"table", "json", "env", "credentials-file"} {
		var text strings.Builder
		args := []string{"key", "create", "--root", "-o", form, "--url", "http://" + at.Admin, "--data", data}
		code := cli.Main(args, nil, fullDisk{}, &text, fakeServer)
		id := regexp.MustCompile(`access key (AKIA\w+) was made, and its secret could not be shown: no space left`).FindStringSubmatch(text.String())
		if code != 1 || id == nil || !strings.Contains(text.String(), "staunch key delete "+id[1]) {
			t.Fatalf("%s: exit code %d, %s", form, code, &text)
		}
		expect(t, 0, "deleted", "key", "delete", id[1], "--url", "http://"+at.Admin, "--data", data)
	}
}

// A server that never answers, or whose answer never ends, is left with Ctrl-C.
func TestAQuestionThatIsInterrupted(t *testing.T) {
	for what, want := range map[string]string{"no answer": "staunch: interrupted before the server answered\n", "half an answer": "staunch: interrupted"} {
		t.Run(what, func(t *testing.T) { interruptQuestions(t, what == "half an answer", want) })
	}
}

// interruptQuestions interrupts commands that ask a server, which may begin an answer. want is how what they say begins.
func interruptQuestions(t *testing.T, begins bool, want string) {
	asked := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if begins {
			w.(http.Flusher).Flush()
		}
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	question := []string{"policy", "test", "--principal", "anonymous", "--action", "sqs:SendMessage", "--resource", "arn:aws:sqs:r:111111111111:q"}
	for _, args := range [][]string{{"user", "create", "ann"}, {"keyring", "rewrap"}, question} {
		process := exec.Command(os.Args[0], append(args, "--url", server.URL, "--admin-token-file", "/dev/null")...)
		process.Env = []string{asProgram + "=1"}
		var text strings.Builder
		process.Stderr = &text
		if err := process.Start(); err != nil {
			t.Fatal(err)
		}
		<-asked
		if err := process.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = process.Wait()
		code := process.ProcessState.ExitCode()
		if code != 130 || !strings.HasPrefix(text.String(), want) || strings.Contains(text.String(), "context") {
			t.Errorf("%v: exit code %d, %s", args, code, &text)
		}
		if done := strings.Contains(text.String(), "may have been done"); done != (args[0] == "user") {
			t.Errorf("%v: %s", args, &text)
		}
	}
}

// TestPolicyTestAsksAServer asks what a server would decide about its root, a user in a group, a session of a role, another account and
// nobody.
func TestPolicyTestAsksAServer(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	at, stop := startServer(t, data, "auth", "enforce")
	defer stop()
	server := []string{"--data", data, "--url", "http://" + at.Admin}
	do := func(words string, args ...string) { t.Helper(); expect(t, 0, words, append(args, server...)...) }
	policy := filepath.Join(t.TempDir(), "policy.json")
	text := `{"Version":"2012-10-17","Statement":[{"Sid":"Send","Effect":"Allow","Action":"sqs:Send*","Resource":"arn:aws:sqs:*:*:orders"}]}`
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	do("", "user", "create", "ann")
	do("", "group", "create", "senders")
	do("", "group", "add", "senders", "ann")
	do("", "policy", "put", "send", policy, "--group", "senders")
	const user, root, queue = "arn:aws:iam::000000000000:user/ann", "arn:aws:iam::000000000000:root", "arn:aws:sqs:us-east-1:000000000000:orders"
	ask := func(code int, words, principal, action, resource string, more ...string) {
		t.Helper()
		args := append([]string{"policy", "test", "--principal", principal, "--action", action, "--resource", resource}, server...)
		expect(t, code, words, append(args, more...)...)
	}
	ask(0, "ALLOWED: an identity policy allows it … by policy send of group senders, statement 0 (Send) … note: there is no such queue", user, "sqs:SendMessage", queue)
	ask(1, "DENIED: no identity policy allows it … Action does not cover the action", user, "sqs:PurgeQueue", queue)
	ask(0, "ALLOWED: the root of the account", root, "sqs:PurgeQueue", queue)
	ask(0, "ALLOWED: the root of the account", root, "sqs:ListQueues", "arn:aws:sqs:us-east-1:000000000000:*")
	ask(1, "DENIED: no resource policy allows it", "anonymous", "sqs:SendMessage", queue)
	ask(0, `"allowed": true … "sid": "Send"`, user, "sqs:SendMessage", queue, "-o", "json")
	ask(2, "there is no principal arn:aws:iam::000000000000:user/bob … staunch user list", "arn:aws:iam::000000000000:user/bob", "sqs:SendMessage", queue)
	trust := filepath.Join(t.TempDir(), "trust.json")
	if err := os.WriteFile(trust, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	do("", "role", "create", "sender", "--trust", trust)
	do("", "policy", "put", "send", policy, "--role", "sender")
	const session = "arn:aws:sts::000000000000:assumed-role/"
	ask(0, "ALLOWED: an identity policy allows it … by policy send of role sender", session+"sender/s", "sqs:SendMessage", queue)
	ask(2, "there is no principal "+session+"SENDER/s", session+"SENDER/s", "sqs:SendMessage", queue)
	ask(2, "names a resource of service", user, "sqs:SendMessage", "arn:aws:sns:us-east-1:000000000000:orders")
	ask(2, "is not an action of SQS", user, "sts:AssumeRole", queue)
	ask(2, "give either --url or files", user, "sqs:SendMessage", queue, "--identity-policy", policy)
}

// A queue's own policy and tags count, and a server that asks no policies says so.
func TestPolicyTestSeesTheQueue(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	at, stop := startServer(t, data)
	defer stop()
	policy := `{\"Version\":\"2012-10-17\",\"Statement\":{\"Sid\":\"Blue\",\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sqs:SendMessage\",\"Resource\":\"*\",` +
		`\"Condition\":{\"StringEquals\":{\"aws:ResourceTag/team\":\"blue\"}}}}`
	callAPI(t, at.API, "CreateQueue", `{"QueueName":"q","Attributes":{"Policy":"`+policy+`"},"tags":{"team":"blue"}}`)
	ask := func(code int, words, action string) {
		t.Helper()
		expect(t, code, words, "policy", "test", "--principal", "anonymous", "--action", action, "--resource", "arn:aws:sqs:us-east-1:000000000000:q",
			"--data", data, "--url", "http://"+at.Admin)
	}
	ask(0, "ALLOWED: the resource policy allows it … by policy of arn:aws:sqs:us-east-1:000000000000:q, statement 0 (Blue) … note: the server runs with --auth off", "sqs:SendMessage")
	ask(1, "DENIED", "sqs:ReceiveMessage")
}
