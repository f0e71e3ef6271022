package server_test

import (
	"bytes"
	"maps"
	"net/http"
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

// hardeningPage is the page with the set-up that TestHardenedSetUp walks.
const hardeningPage = "../../docs/operations/hardening.md"

// block returns what stands between two texts of a page, once.
func block(t *testing.T, page, begin, end string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, begin)
	text, _, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no %q … %q", hardeningPage, begin, end)
	}
	return text
}

// TestHardenedSetUp walks the set-up of docs/operations/hardening.md, with its settings and its policy, over TLS with AWS's SDK: what
// is allowed works, what is not is denied, and no file has the body.
func TestHardenedSetUp(t *testing.T) {
	text, err := os.ReadFile(hardeningPage)
	if err != nil {
		t.Fatal(err)
	}
	page, tmp := string(text), t.TempDir()
	cert, key, trust := testCertificate(t)
	data, ring, audited := filepath.Join(tmp, "data"), filepath.Join(tmp, "keyring"), filepath.Join(tmp, "audit.jsonl")
	here := map[string]string{
		"tls-cert": cert, "tls-key": key, "keyring": "file:" + ring, "audit-log": audited, "data": data, "listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0",
	}
	settings := make(map[string]string)
	for line := range strings.Lines(block(t, page, "```yaml\n# /etc/staunch/staunch.yaml", "```")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			settings[name] = value
		}
	}
	for name := range here {
		if settings[name] == "" {
			t.Errorf("the page does not set %s", name)
		}
	}
	if settings["auth"] != "enforce" {
		t.Errorf("the page sets auth to %q", settings["auth"])
	}
	maps.Copy(settings, here)
	if err := keyring.Create(ring, time.Now()); err != nil {
		t.Fatal(err)
	}
	n, admin := startDebugNode(t, data, settings)
	const account = "111122223333"
	identities(t, data, admin, "create-account", map[string]any{"id": account, "name": "shop"})
	identities(t, data, admin, "create-user", map[string]any{"account": "shop", "user": "worker"})
	identities(t, data, admin, "put-policy", map[string]any{
		"account": "shop", "user": "worker", "policy": "consume", "document": block(t, page, "policy.json <<'END'\n", "END\n"),
	})
	workerKey := identities(t, data, admin, "create-key", map[string]any{"account": "shop", "user": "worker"})
	rootKey := identities(t, data, admin, "create-key", map[string]any{"account": "shop"})
	endpoint := strings.Replace(n.endpoint, "http:", "https:", 1)
	transport := &http.Transport{TLSClientConfig: trust}
	defer transport.CloseIdleConnections()
	client := func(key struct{ ID, Secret, ARN string }) *sqs.Client {
		return sqs.New(sqs.Options{
			Region: "us-east-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1, HTTPClient: &http.Client{Transport: transport},
			Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret, ""),
		})
	}
	ctx := t.Context()
	root, worker := client(rootKey), client(workerKey)
	created, err := root.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	if want := endpoint + "/" + account + "/orders"; *created.QueueUrl != want {
		t.Errorf("the queue is %s, want %s", *created.QueueUrl, want)
	}
	const body = "canary of the hardened server"
	for range 2 {
		if _, err := worker.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: created.QueueUrl, MessageBody: aws.String(body)}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := worker.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: created.QueueUrl})
	if err != nil || len(got.Messages) != 1 || *got.Messages[0].Body != body {
		t.Fatalf("received %+v, %v", got, err)
	}
	if _, err := worker.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: created.QueueUrl, ReceiptHandle: got.Messages[0].ReceiptHandle}); err != nil {
		t.Error(err)
	}
	if _, err := worker.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: created.QueueUrl}); !refused(err, "AccessDenied", "no identity-based policy allows the sqs:purgequeue action") {
		t.Errorf("beyond the policy: %v", err)
	}
	if answer, err := http.Get(n.endpoint + "/?Action=ListQueues&Version=2012-11-05"); err != nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("without TLS: %v", err)
	} else {
		_ = answer.Body.Close()
	}
	backup := ask(t, data, http.MethodPost, admin+"/backup")
	copyDir(t, data, data+"-crashed")
	if err := n.close(); err != nil {
		t.Error(err)
	}
	kept := map[string][]byte{"the backup": backup, "the log": []byte(n.log.String())}
	for _, dir := range []string{data, data + "-crashed"} {
		for _, path := range files(t, dir) {
			if kept[dir+"/"+path], err = os.ReadFile(filepath.Join(dir, path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if kept[audited], err = os.ReadFile(audited); err != nil || !bytes.Contains(kept[audited], []byte(`"action":"sqs:PurgeQueue"`)) {
		t.Errorf("the audit log does not have what was denied: %v", err)
	}
	for where, content := range kept {
		if bytes.Contains(content, []byte(body)) {
			t.Errorf("the body is in %s", where)
		}
	}
}
