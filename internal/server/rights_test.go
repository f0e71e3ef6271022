package server_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/staunchmq/staunch/internal/api"
)

// naming are the members of inputs that say what a request is about.
func naming(account, queue, queueURL string) map[string]string {
	arn := "arn:aws:sqs:us-east-1:" + account + ":" + queue
	return map[string]string{
		"QueueUrl": queueURL, "QueueName": queue, "QueueOwnerAWSAccountId": account, "SourceArn": arn,
		"TaskHandle": base64.StdEncoding.EncodeToString([]byte(`{"taskId":"x","sourceArn":"` + arn + `"}`)),
	}
}

// ways are the ways to ask for an action; nil where there is none.
var ways = map[string]func(endpoint, path string, a *api.Action, in map[string]string) *http.Request{
	"JSON": func(endpoint, _ string, a *api.Action, in map[string]string) *http.Request {
		return jsonRequest(endpoint+"/", a, in)
	},
	"JSON at the queue": func(endpoint, path string, a *api.Action, in map[string]string) *http.Request {
		return jsonRequest(endpoint+path, a, in)
	},
	"Query": func(endpoint, _ string, a *api.Action, in map[string]string) *http.Request {
		return formRequest(endpoint+"/", a, in)
	},
	"Query at the queue": func(endpoint, path string, a *api.Action, in map[string]string) *http.Request {
		if a.RootOnly {
			return nil
		}
		delete(in, "QueueUrl") // the path says it
		return formRequest(endpoint+path, a, in)
	},
	"GET": func(endpoint, _ string, a *api.Action, in map[string]string) *http.Request {
		return request(http.MethodGet, endpoint+"/?"+form(a, in), nil)
	},
	"GET at the queue": func(endpoint, path string, a *api.Action, in map[string]string) *http.Request {
		if a.RootOnly {
			return nil
		}
		delete(in, "QueueUrl")
		return request(http.MethodGet, endpoint+path+"?"+form(a, in), nil)
	},
}

func request(method, url string, body []byte) *http.Request {
	r, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	return r
}

func jsonRequest(url string, a *api.Action, in map[string]string) *http.Request {
	body, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	r := request(http.MethodPost, url, body)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AmazonSQS."+a.Name)
	return r
}

func form(a *api.Action, in map[string]string) string {
	values := url.Values{"Action": {a.Name}, "Version": {"2012-11-05"}}
	for name, value := range in {
		values.Set(name, value)
	}
	return values.Encode()
}

func formRequest(url string, a *api.Action, in map[string]string) *http.Request {
	r := request(http.MethodPost, url, []byte(form(a, in)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// signed signs a request in its header or, where it is a GET, in its query; with an empty id not at all.
func signed(t *testing.T, r *http.Request, id, secret string) *http.Request {
	t.Helper()
	if id == "" {
		return r
	}
	body, err := r.GetBody()
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	c, signer := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, v4.NewSigner()
	if r.Method != http.MethodGet {
		if err := signer.SignHTTP(t.Context(), c, r, hex.EncodeToString(sum[:]), "sqs", "us-east-1", time.Now()); err != nil {
			t.Fatal(err)
		}
		return r
	}
	r.URL.RawQuery += "&X-Amz-Expires=300"
	presigned, _, err := signer.PresignHTTP(t.Context(), c, r, hex.EncodeToString(sum[:]), "sqs", "us-east-1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return request(http.MethodGet, presigned, nil)
}

// TestNobodyGetsPastThePolicies asks for every action of the table, in every way there is, as callers who have no right to it: with a user
// without policies, with a key of another account, with a wrong secret, with an unknown key, and without a signature. An action that is
// new in the table is asked for, too.
func TestNobodyGetsPastThePolicies(t *testing.T) {
	const own, other = "000000000000", "222222222222"
	ctx := t.Context()
	data := filepath.Join(t.TempDir(), "data")
	n, admin := startDebugNode(t, data, map[string]string{"auth": "enforce"})
	root := as(n, n.at.RootKeyID, n.at.RootSecret, "")
	attributes := map[string]string{"RedriveAllowPolicy": `{"redrivePermission":"allowAll"}`}
	dead, err := root.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("dead"), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	_, err = root.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("source"), Attributes: map[string]string{
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"3"}`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := root.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: dead.QueueUrl, MessageBody: aws.String("kept")}); err != nil {
		t.Fatal(err)
	}
	identities(t, data, admin, "create-user", map[string]any{"account": own, "user": "nobody"})
	user := identities(t, data, admin, "create-key", map[string]any{"account": own, "user": "nobody"})
	identities(t, data, admin, "create-account", map[string]any{"id": other, "name": "other"})
	stranger := identities(t, data, admin, "create-key", map[string]any{"account": other})

	callers := []struct{ name, id, secret, code string }{
		{"a user without policies", user.ID, user.Secret, "AccessDenied"},
		{"another account", stranger.ID, stranger.Secret, "AccessDenied"},
		{"a wrong secret", user.ID, user.Secret + "x", "SignatureDoesNotMatch"},
		{"an unknown key", "AKIAUNKNOWN", user.Secret, "InvalidClientTokenId"},
		{"nobody", "", "", "AccessDenied"},
	}
	asked := 0
	for _, action := range api.Actions {
		for way, make := range ways {
			for _, c := range callers {
				ownQueues := action.Name == "CreateQueue" || action.Name == "ListQueues"
				if c.id == stranger.ID && ownQueues {
					continue // these are about the caller's own account
				}
				in := map[string]string{}
				for name, value := range naming(own, "dead", *dead.QueueUrl) {
					if action.Input.Member(name) != nil {
						in[name] = value
					}
				}
				r := make(n.endpoint, "/"+own+"/dead", action, in)
				if r == nil {
					continue
				}
				want := c.code
				if c.id == stranger.ID && action.Name == "GetQueueUrl" {
					want = "NonExistentQueue" // of other accounts nobody learns which queues there are
				}
				answer, err := http.DefaultClient.Do(signed(t, r, c.id, c.secret))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(answer.Body)
				if err != nil {
					t.Fatal(err)
				}
				_ = answer.Body.Close()
				if said := string(text) + answer.Header.Get("X-Amzn-Query-Error"); answer.StatusCode < 400 || answer.StatusCode > 403 || !strings.Contains(said, want) {
					t.Errorf("%s by %s as %s: %s %s", action.Name, way, c.name, answer.Status, text)
				}
				asked++
			}
		}
	}
	if asked < len(api.Actions)*len(callers)*4 {
		t.Errorf("%d requests", asked)
	}

	queues, err := root.ListQueues(ctx, nil)
	if err != nil || len(queues.QueueUrls) != 2 {
		t.Errorf("there are %v, %v", queues, err)
	}
	tags, err := root.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: dead.QueueUrl})
	if err != nil || len(tags.Tags) != 0 {
		t.Errorf("tags %v, %v", tags, err)
	}
	got, err := root.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: dead.QueueUrl, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil || got.Attributes["ApproximateNumberOfMessages"] != "1" || got.Attributes["Policy"] != "" {
		t.Errorf("attributes %v, %v", got, err)
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
}
