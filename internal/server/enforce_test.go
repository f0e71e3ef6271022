package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/staunchmq/staunch/internal/config"
)

// identities calls an operation of the admin interface, with the token of the data directory.
func identities(t *testing.T, data, admin, operation string, in any) (out struct{ ID, Secret, ARN string }) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, admin+"/identities/"+operation, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", operation, answer.Status, text, err)
	}
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// as returns a client of SQS that signs with these credentials.
func as(n *node, id, secret, token string) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(n.endpoint), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, token),
	})
}

// refused tells whether an error has this code, and a message with this text in it.
func refused(err error, code, text string) bool {
	var e smithy.APIError
	return errors.As(err, &e) && e.ErrorCode() == code && strings.Contains(e.ErrorMessage(), text)
}

// TestLongNamesInTheAuditLog lets a stranger name queues at length, in every way there is: each request is an entry, and a short one.
func TestLongNamesInTheAuditLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	n, err := startNodeWith(t, config.Sources{
		Flags:   map[string]string{"journal": "memory", "shards": "1", "auth": "enforce", "audit-log": path, "rate-queue": "100", "fifo-quota": "aws"},
		Environ: []string{"STAUNCH_ROOT_ACCESS_KEY_ID=AKIAROOT", "STAUNCH_ROOT_SECRET_ACCESS_KEY=" + secret},
	})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("<", 1<<20)
	arn := "arn:aws:sqs:us-east-1:000000000000:" + long
	handle := base64.StdEncoding.EncodeToString([]byte(`{"taskId":"x","sourceArn":"` + arn + `"}`))
	requests := []struct {
		action string
		in     map[string]any
	}{
		{"SendMessage", map[string]any{"QueueUrl": long, "MessageBody": "x"}},
		{"PurgeQueue", map[string]any{"QueueUrl": "http://localhost/000000000000/" + long}},
		{"ReceiveMessage", map[string]any{"QueueUrl": "http://localhost/queue/" + long}},
		{"DeleteQueue", map[string]any{"QueueUrl": arn}},
		{"CreateQueue", map[string]any{"QueueName": long}},
		{"CreateQueue", map[string]any{"QueueName": long, "tags": map[string]string{"a": "b"}}},
		{"GetQueueUrl", map[string]any{"QueueName": long}},
		{"GetQueueUrl", map[string]any{"QueueName": long, "QueueOwnerAWSAccountId": "111111111111"}},
		{"ListMessageMoveTasks", map[string]any{"SourceArn": arn}},
		{"StartMessageMoveTask", map[string]any{"SourceArn": arn, "DestinationArn": arn}},
		{"CancelMessageMoveTask", map[string]any{"TaskHandle": handle}},
		{"ListQueues", map[string]any{"QueueNamePrefix": long}},
	}
	for _, r := range requests {
		body, err := json.Marshal(r.in)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequest(http.MethodPost, n.endpoint, bytes.NewReader(body)) // not signed
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-amz-json-1.0")
		request.Header.Set("X-Amz-Target", "AmazonSQS."+r.action)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: status %d, %v", r.action, answer.StatusCode, err)
		}
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	entries := 0
	for line := range strings.Lines(string(text)) {
		entries++
		if len(line) > 4<<10 || !strings.Contains(line, `"decision":"denied"`) {
			t.Errorf("%d bytes: %.300s", len(line), line)
		}
	}
	if entries != len(requests) || len(n.log.String()) > 64<<10 {
		t.Errorf("%d entries of %d requests; %d bytes of log", entries, len(requests), len(n.log.String()))
	}
}

// TestEnforce starts a server for the first time, and lets its root, a user, a root of another account and a session of a role do what
// policies allow them and nothing else, also after a restart.
func TestEnforce(t *testing.T) {
	const other = "222222222222"
	ctx := t.Context()
	data := filepath.Join(t.TempDir(), "data")
	start := func() (*node, string) { return startDebugNode(t, data, map[string]string{"auth": "enforce"}) }
	n, admin := start()
	if n.at.RootKeyID == "" || n.at.RootSecret == "" {
		t.Fatal("the first start shows no key for the root")
	}
	rootID, rootSecret := n.at.RootKeyID, n.at.RootSecret
	root := as(n, rootID, rootSecret, "")
	created, err := root.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	url := created.QueueUrl
	send := func(c *sqs.Client) error {
		_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("hello")})
		return err
	}
	receive := func(c *sqs.Client) (*sqs.ReceiveMessageOutput, error) {
		return c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: url, MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSenderId},
		})
	}

	identities(t, data, admin, "create-user", map[string]any{"account": "000000000000", "user": "ann"})
	key := identities(t, data, admin, "create-key", map[string]any{"account": "000000000000", "user": "ann"})
	ann := as(n, key.ID, key.Secret, "")
	if err := send(ann); !refused(err, "AccessDenied", "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: sqs:sendmessage on resource: arn:aws:sqs:us-east-1:000000000000:orders") {
		t.Errorf("without a policy: %v", err)
	}
	identities(t, data, admin, "put-policy", map[string]any{
		"account": "000000000000", "user": "ann", "policy": "send",
		"document": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"arn:aws:sqs:*:*:orders"}}`,
	})
	if err := send(ann); err != nil {
		t.Errorf("with a policy: %v", err)
	}
	if _, err := receive(ann); !refused(err, "AccessDenied", "no identity-based policy allows the sqs:receivemessage action") {
		t.Errorf("what the policy does not allow: %v", err)
	}
	if out, err := receive(root); err != nil || len(out.Messages) != 1 || !strings.HasPrefix(out.Messages[0].Attributes["SenderId"], "AIDA") {
		t.Errorf("the sender of a user's message: %+v, %v", out, err)
	}

	// Another account gets in by the policy of the queue alone.
	identities(t, data, admin, "create-account", map[string]any{"id": other, "name": "partner"})
	partnerKey := identities(t, data, admin, "create-key", map[string]any{"account": other})
	partner := as(n, partnerKey.ID, partnerKey.Secret, "")
	if err := send(partner); !refused(err, "AccessDenied", "no resource-based policy allows the sqs:sendmessage action") {
		t.Errorf("another account: %v", err)
	}
	if _, err := root.AddPermission(ctx, &sqs.AddPermissionInput{
		QueueUrl: url, Label: aws.String("partner"), AWSAccountIds: []string{other}, Actions: []string{"SendMessage"},
	}); err != nil {
		t.Fatal(err)
	}
	if err := send(partner); err != nil {
		t.Errorf("another account with permission: %v", err)
	}
	if _, err := receive(partner); !refused(err, "AccessDenied", "") {
		t.Errorf("another account, beyond its permission: %v", err)
	}

	// A role of this account that the partner's user may assume.
	identities(t, data, admin, "create-user", map[string]any{"account": other, "user": "bob"})
	bobKey := identities(t, data, admin, "create-key", map[string]any{"account": other, "user": "bob"})
	role := identities(t, data, admin, "create-role", map[string]any{
		"account": "000000000000", "role": "reader",
		"trust_policy": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + other + `"},"Action":"sts:AssumeRole",` +
			`"Condition":{"StringEquals":{"sts:ExternalId":"x-1"}}}}`,
	})
	identities(t, data, admin, "put-policy", map[string]any{
		"account": "000000000000", "role": "reader", "policy": "read",
		"document": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sqs:ReceiveMessage","sqs:DeleteMessage"],"Resource":"*"}}`,
	})
	assume := func(edit func(*sts.AssumeRoleInput)) (*sts.AssumeRoleOutput, error) {
		client := sts.New(sts.Options{
			Region: "us-east-1", BaseEndpoint: aws.String(n.endpoint), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(bobKey.ID, bobKey.Secret, ""),
		})
		in := &sts.AssumeRoleInput{RoleArn: aws.String(role.ARN), RoleSessionName: aws.String("night"), ExternalId: aws.String("x-1")}
		if edit != nil {
			edit(in)
		}
		return client.AssumeRole(ctx, in)
	}
	if _, err := assume(nil); !refused(err, "AccessDenied", "is not authorized to perform: sts:AssumeRole on resource: "+role.ARN) {
		t.Errorf("a role without a policy for it: %v", err)
	}
	identities(t, data, admin, "put-policy", map[string]any{
		"account": other, "user": "bob", "policy": "assume",
		"document": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"` + role.ARN + `"}}`,
	})
	if _, err := assume(func(in *sts.AssumeRoleInput) { in.ExternalId = nil }); !refused(err, "AccessDenied", "sts:AssumeRole") {
		t.Errorf("a role without its external ID: %v", err)
	}
	if _, err := assume(func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("bob") }); !refused(err, "ValidationError", "SourceIdentity is not supported") {
		t.Errorf("what is not built: %v", err)
	}
	session, err := assume(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := session.Credentials
	if *session.AssumedRoleUser.Arn != "arn:aws:sts::000000000000:assumed-role/reader/night" || c.Expiration == nil {
		t.Errorf("the session: %+v", session)
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
	log := n.log.String()
	n, admin = start()
	if n.at.RootKeyID != "" {
		t.Error("the second start shows a key")
	}
	night := as(n, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	if out, err := receive(night); err != nil || len(out.Messages) != 1 {
		t.Errorf("the session after a restart: %+v, %v", out, err)
	}
	if err := send(night); !refused(err, "AccessDenied", "User: arn:aws:sts::000000000000:assumed-role/reader/night") {
		t.Errorf("the session, beyond its role: %v", err)
	}
	if err := send(as(n, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken+"A")); !refused(err, "InvalidClientTokenId", "") {
		t.Errorf("a token that was changed: %v", err)
	}
	identities(t, data, admin, "delete-key", map[string]any{"id": key.ID})
	if err := send(as(n, key.ID, key.Secret, "")); !refused(err, "InvalidClientTokenId", "") {
		t.Errorf("a deleted key: %v", err)
	}
	unsigned := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: aws.String(n.endpoint), RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}})
	if err := send(unsigned); !refused(err, "AccessDenied", "Access to the resource") {
		t.Errorf("nobody: %v", err)
	}
	if _, err := as(n, rootID, rootSecret, "").ListQueues(context.WithoutCancel(ctx), nil); err != nil {
		t.Errorf("the root after a restart: %v", err)
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
	log += n.log.String()
	for _, secret := range []string{rootSecret, key.Secret, bobKey.Secret, *c.SecretAccessKey, *c.SessionToken} {
		if strings.Contains(log, secret) {
			t.Error("the log has a secret")
		}
	}
	if !strings.Contains(log, `msg="request denied"`) {
		t.Error("the log has no denied request")
	}
}
