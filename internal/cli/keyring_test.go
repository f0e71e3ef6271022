package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/staunchmq/staunch/internal/keyring"
)

func TestKeyringCommands(t *testing.T) {
	ring := "file:" + filepath.Join(t.TempDir(), "ring.yaml")
	command := func(args ...string) []string { return append(append([]string{"keyring"}, args...), "--keyring", ring) }
	expect(t, 1, "no such file … staunch keyring create makes one", command("add", "orders")...)
	expect(t, 1, "no such file … Make the directory first", "keyring", "create", "--keyring", strings.Replace(ring, "ring.yaml", "none/ring.yaml", 1))
	expect(t, 0, "was made … Keep a copy", command("create")...)
	expect(t, 1, "exists … Choose another name", command("create")...)
	expect(t, 0, "", command("add", "orders", "--alias", "arn:aws:kms:eu-west-1:111122223333:key/k", "--account", "111122223333")...)
	expect(t, 1, "two keys are called alias/orders … Nothing was changed", command("add", "orders")...)
	expect(t, 1, "is not a name for a key", command("add", "or ders")...)
	expect(t, 0, "", command("rotate", "orders")...)
	expect(t, 0, "", command("disable", "orders")...)
	expect(t, 1, "no such key … staunch keyring list", command("enable", "other")...)
	list := expect(t, 0, "NAME … aws/sqs … staunch/secrets … orders … disabled … 2 … key/k … 111122223333", command("list")...)
	expect(t, 0, "", command("enable", "orders")...)
	var keys []struct {
		Name     string
		ID       string
		Enabled  bool
		Versions []struct{ Version int }
	}
	text := expect(t, 0, "", command("list", "-o", "json")...)
	if err := json.Unmarshal([]byte(text), &keys); err != nil || len(keys) != 3 || !keys[2].Enabled || len(keys[2].Versions) != 2 || len(keys[2].ID) != 36 {
		t.Errorf("%s: %v", text, err)
	}
	file, err := os.ReadFile(strings.TrimPrefix(ring, "file:"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		if _, secret, ok := strings.Cut(line, "secret: "); ok && strings.Contains(list+text, strings.TrimSpace(secret)) {
			t.Error("a list shows a secret")
		}
	}
	expect(t, 2, "name the file with --keyring file:PATH", "keyring", "rotate", "orders", "--keyring", "env:X")
	expect(t, 2, "name the keyring with --keyring", "keyring", "list")
	expect(t, 2, "file:PATH, env:NAME, credential:NAME or built-in", "keyring", "list", "--keyring", "somewhere")
}

// TestForgetLooksForMessages rotates a key of a server that runs, and forgets the old version when nothing needs it.
func TestForgetLooksForMessages(t *testing.T) {
	tmp := t.TempDir()
	data, ring := filepath.Join(tmp, "data"), "file:"+filepath.Join(tmp, "ring.yaml")
	expect(t, 0, "", "keyring", "create", "--keyring", ring)
	at, stop := startServer(t, data, "keyring", ring)
	url := "http://" + at.Admin
	sendSome(t, at.API, 3)
	expect(t, 0, "3 messages are encrypted with version 1 of key", "journal", "check", "--data", data, "--url", url)
	expect(t, 0, "", "keyring", "rotate", "aws/sqs", "--keyring", ring)
	expect(t, 1, "3 messages are encrypted with version 1 … Nothing was changed. `staunch keyring rewrap`", "keyring", "forget", "aws/sqs", "1", "--keyring", ring, "--data", data, "--url", url)
	callAPI(t, at.API, "PurgeQueue", `{"QueueUrl":"http://x/000000000000/q"}`)
	expect(t, 0, "", "keyring", "forget", "aws/sqs", "1", "--keyring", ring, "--data", data, "--url", url)
	sendSome(t, at.API, 1)
	expect(t, 0, "encrypted with version 2 of key", "journal", "check", "--data", data, "--url", url)
	if received := callAPI(t, at.API, "ReceiveMessage", `{"QueueUrl":"http://x/000000000000/q"}`); strings.Count(received, `"Body"`) != 1 {
		t.Errorf("received %s", received)
	}
	callAPI(t, at.API, "DeleteQueue", `{"QueueUrl":"http://x/000000000000/q"}`)
	stop()
	expect(t, 1, "is the newest", "keyring", "forget", "aws/sqs", "2", "--keyring", ring, "--data", data)
	expect(t, 1, "is the newest", "keyring", "forget", "staunch/secrets", "1", "--keyring", ring, "--data", data)
	expect(t, 2, "--end-sessions is for versions of staunch/secrets", "keyring", "forget", "aws/sqs", "1", "--end-sessions", "--keyring", ring, "--data", data)
	expect(t, 1, "no such key", "keyring", "forget", "none", "1", "--keyring", ring, "--data", data)
	expect(t, 2, "not the number of a version", "keyring", "forget", "aws/sqs", "x", "--keyring", ring, "--data", data)
}

// TestRewrap rotates a key of a server that runs, encrypts its messages anew, and forgets the old version.
func TestRewrap(t *testing.T) {
	tmp := t.TempDir()
	data, ring := filepath.Join(tmp, "data"), "file:"+filepath.Join(tmp, "ring.yaml")
	at, stop := startServer(t, data)
	sendSome(t, at.API, 3) // with the built-in key
	stop()
	expect(t, 0, "", "keyring", "create", "--keyring", ring)
	at, stop = startServer(t, data, "keyring", ring)
	defer stop()
	url := "http://" + at.Admin
	server := []string{"--data", data, "--url", url}
	with := func(args ...string) []string { return append(append([]string{"keyring"}, args...), server...) }
	expect(t, 0, "3 messages were encrypted anew", with("rewrap")...)
	expect(t, 0, "0 messages were encrypted anew", with("rewrap")...)
	expect(t, 0, "", "keyring", "rotate", "aws/sqs", "--keyring", ring)
	expect(t, 1, "3 messages are encrypted with version 1", with("forget", "aws/sqs", "1", "--keyring", ring)...)
	expect(t, 0, "", "keyring", "disable", "aws/sqs", "--keyring", ring)
	expect(t, 1, "0 messages were encrypted anew … 3 messages could not be: key aws/sqs: the key is disabled … Enable the key", with("rewrap")...)
	expect(t, 0, "", "keyring", "enable", "aws/sqs", "--keyring", ring)
	expect(t, 0, "3 messages were encrypted anew", with("rewrap")...)
	expect(t, 0, "3 messages are encrypted with version 2 of key", append([]string{"journal", "check"}, server...)...)
	expect(t, 0, "", with("forget", "aws/sqs", "1", "--keyring", ring)...)
	received := callAPI(t, at.API, "ReceiveMessage", `{"QueueUrl":"http://x/000000000000/q","MaxNumberOfMessages":10}`)
	if n := strings.Count(received, `"Body"`); n != 3 {
		t.Errorf("%d messages in %s", n, received)
	}
	wrong := filepath.Join(tmp, "wrong")
	if err := os.WriteFile(wrong, []byte("wrong"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, 1, "refuses the admin token", "keyring", "rewrap", "--url", url, "--admin-token-file", wrong)
}

// TestForgetSecrets rotates the key for secrets of a server that runs, encrypts the secrets of its access keys anew, and forgets the old version:
// while it runs, and without it. The keys work all the time.
func TestForgetSecrets(t *testing.T) {
	tmp := t.TempDir()
	data, path := filepath.Join(tmp, "data"), filepath.Join(tmp, "ring.yaml")
	ring := "file:" + path
	at, stop := startServer(t, data, "auth", "enforce") // the first key's secret is encrypted with the built-in key
	keyID, secret := at.RootKeyID, at.RootSecret
	stop()
	expect(t, 0, "", "keyring", "create", "--keyring", ring)
	at, stop = startServer(t, data, "auth", "enforce", "keyring", ring)
	works := func() {
		t.Helper()
		client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + at.API), Credentials: credentials.NewStaticCredentialsProvider(keyID, secret, "")})
		if _, err := client.ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
			t.Error(err)
		}
	}
	server := func(args ...string) []string { return append(args, "--data", data, "--url", "http://"+at.Admin) }
	works()
	expect(t, 0, "0 messages were encrypted anew. … 1 secrets of access keys were encrypted anew", server("keyring", "rewrap")...)
	expect(t, 0, "1 secrets of access keys are encrypted with version 1 of key", server("journal", "check")...)
	expect(t, 0, "", "keyring", "rotate", "staunch/secrets", "--keyring", ring)
	forget := func(version string, more ...string) []string {
		return append([]string{"keyring", "forget", "staunch/secrets", version, "--keyring", ring}, more...)
	}
	expect(t, 1, "may have encrypted the tokens of sessions of roles … Nothing was changed … --end-sessions", server(forget("1")...)...)
	expect(t, 1, "1 secrets of access keys are encrypted with version 1 … Nothing was changed. `staunch keyring rewrap`", server(forget("1", "--end-sessions")...)...)
	expect(t, 0, "", "keyring", "disable", "staunch/secrets", "--keyring", ring)
	expect(t, 1, "1 secrets of access keys could not be: access key AKIA … is disabled … Enable the key", server("keyring", "rewrap")...)
	expect(t, 0, "", "keyring", "enable", "staunch/secrets", "--keyring", ring)
	expect(t, 0, "1 secrets of access keys were encrypted anew", server("keyring", "rewrap")...)
	expect(t, 0, "", server(forget("1", "--end-sessions")...)...)
	works()
	stop()
	at, stop = startServer(t, data, "auth", "enforce", "keyring", ring)
	works()
	// A version whose sessions have ended by now.
	if err := keyring.Change(t.Context(), path, keyring.Rotate(keyring.SecretKey, time.Now().Add(-13*time.Hour))); err != nil {
		t.Fatal(err)
	}
	expect(t, 0, "1 secrets of access keys were encrypted anew", server("keyring", "rewrap")...)
	stop()
	expect(t, 0, "1 secrets of access keys are encrypted with version 3 of key", "journal", "check", "--data", data)
	expect(t, 0, "", forget("2", "--data", data)...)
	at, stop = startServer(t, data, "auth", "enforce", "keyring", ring)
	defer stop()
	works()
}
