package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"

	"github.com/staunchmq/staunch/internal/config"
)

const secret = "wJalrXUtnFEMI/K7MDENG"

// TestAccessKeysOfFileAndEnvironment starts a server that asks for signatures, and signs with the keys that it was given.
func TestAccessKeysOfFileAndEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[orders]\naws_access_key_id = AKIAORDERS\naws_secret_access_key = " + secret + "\naccount = 111111111111\nuser = orders\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := startNodeWith(t, config.Sources{
		Environ: []string{"STAUNCH_ROOT_ACCESS_KEY_ID=AKIAROOT", "STAUNCH_ROOT_SECRET_ACCESS_KEY=" + secret},
		Flags:   map[string]string{"journal": "memory", "auth": "verify", "credentials-file": file, "auth-regions": "us-east-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	create := func(region, id, secret string) (*sqs.CreateQueueOutput, error) {
		client := sqs.New(sqs.Options{Region: region, BaseEndpoint: aws.String(n.endpoint), RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider(id, secret, "")})
		return client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	}
	for id, account := range map[string]string{"AKIAROOT": "000000000000", "AKIAORDERS": "111111111111"} {
		if out, err := create("us-east-1", id, secret); err != nil || *out.QueueUrl != n.endpoint+"/"+account+"/q" {
			t.Errorf("%s: %v", id, err)
		}
		var e smithy.APIError
		if _, err := create("us-east-1", id, secret+"!"); !errors.As(err, &e) || e.ErrorCode() != "SignatureDoesNotMatch" {
			t.Errorf("%s, wrong secret: %v", id, err)
		}
		if _, err := create("eu-west-1", id, secret); !errors.As(err, &e) || e.ErrorMessage() != "Credential should be scoped to a valid region." {
			t.Errorf("%s, wrong region: %v", id, err)
		}
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(n.log.String(), secret) {
		t.Error("a secret was logged")
	}
}

func TestKeysAndAuthGoTogether(t *testing.T) {
	root := []string{"STAUNCH_ROOT_ACCESS_KEY_ID=AKIAROOT", "STAUNCH_ROOT_SECRET_ACCESS_KEY=" + secret}
	for _, tc := range []struct {
		auth    string
		environ []string
		want    string
	}{
		{"off", root, "there are access keys, but without auth no request needs them; add --auth verify"},
		{"verify", []string{root[0], "STAUNCH_ROOT_SECRET_ACCESS_KEY=short"}, "the access key of the root: aws_secret_access_key must have at least 16 characters"},
		{"verify", []string{"STAUNCH_CREDENTIALS_FILE=/nowhere"}, "credentials file /nowhere: "},
	} {
		_, err := startNodeWith(t, config.Sources{Environ: tc.environ, Flags: map[string]string{"journal": "memory", "auth": tc.auth}})
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%+v: got %v", tc, err)
		}
	}
}

// TestPoliciesOfTheCredentialsFile lets the users of a file do what it says, before and after it changes.
func TestPoliciesOfTheCredentialsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	write := func(allowed string) {
		text := "[root]\naws_access_key_id = AKIAROOT\naws_secret_access_key = " + secret + "\n" +
			"[sender]\naws_access_key_id = AKIASENDER\naws_secret_access_key = " + secret + "\nuser = sender\n" +
			`policy = {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"` + allowed + `","Resource":"arn:aws:sqs:*:*:q"}}` + "\n" +
			"[idle]\naws_access_key_id = AKIAIDLE\naws_secret_access_key = " + secret + "\nuser = idle\n"
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("sqs:SendMessage")
	settings := func(auth string) config.Sources {
		return config.Sources{Flags: map[string]string{"journal": "memory", "auth": auth, "credentials-file": file}}
	}
	n, err := startNodeWith(t, settings("enforce"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	created, err := as(n, "AKIAROOT", secret, "").CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	send := func(id string) error {
		_, err := as(n, id, secret, "").SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: created.QueueUrl, MessageBody: aws.String("m")})
		return err
	}
	if err := send("AKIASENDER"); err != nil {
		t.Errorf("with a policy: %v", err)
	}
	if err := send("AKIAIDLE"); !refused(err, "AccessDenied", "no identity-based policy allows") {
		t.Errorf("without a policy: %v", err)
	}
	if _, err := as(n, "AKIASENDER", secret, "").PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: created.QueueUrl}); !refused(err, "AccessDenied", "no identity-based policy allows") {
		t.Errorf("beyond the policy: %v", err)
	}
	if !strings.Contains(n.log.String(), "user/idle") || strings.Contains(n.log.String(), "users of the credentials file have no policy there: they may do what queue policies allow them, and nothing else\" users=\"[arn:aws:iam::000000000000:user/sender") {
		t.Errorf("the log does not say who has no policy: %s", n.log.String())
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
	write("sqs:ReceiveMessage")
	if n, err = startNodeWith(t, settings("verify")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(n.log.String(), "policies in the credentials file have no effect with auth verify") {
		t.Errorf("the log does not say that policies have no effect: %s", n.log.String())
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
}
