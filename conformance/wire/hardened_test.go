package wire

import (
	"crypto/tls"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// What a hardened server alone shows: policies that act, and TLS. Only run.sh --hardened runs this.

func TestHardenedUserWithoutPolicy(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "denied", "")
	stranger := aws.Credentials{AccessKeyID: os.Getenv("CONFORMANCE_STRANGER_KEY_ID"), SecretAccessKey: os.Getenv("CONFORMANCE_STRANGER_SECRET")}
	text := fill("User: arn:aws:iam::"+os.Getenv("CONFORMANCE_ACCOUNT")+":user/stranger is not authorized to perform: sqs:sendmessage on resource: {arn}"+
		" because no identity-based policy allows the sqs:sendmessage action", queue)

	r := request(t, "POST", "/", fill(`{"QueueUrl":"{queue}","MessageBody":"m"}`, queue), "Content-Type", jsonType, "X-Amz-Target", "AmazonSQS.SendMessage")
	sign(t, r, stranger, "sqs", region, time.Now())
	checkJSONError(t, send(t, r), 403, generic+"AccessDeniedException", "AccessDenied", &text)

	r = request(t, "POST", "/", fill("Action=SendMessage&Version=2012-11-05&MessageBody=m&QueueUrl={queue:form}", queue), "Content-Type", formType)
	sign(t, r, stranger, "sqs", region, time.Now())
	checkXML(t, send(t, r), 403, errorXML("AccessDenied", text))
}

func TestHardenedQueueURL(t *testing.T) {
	t.Parallel()
	if queue := newQueue(t, "url", ""); !strings.HasPrefix(endpoint, "https://") || !strings.HasPrefix(queue, endpoint+"/") {
		t.Errorf("%s of %s", queue, endpoint)
	}
}

func TestHardenedPlainHTTP(t *testing.T) {
	t.Parallel()
	plain, text := strings.Replace(endpoint, "https:", "http:", 1), "The request was not made over HTTPS."
	r := request(t, "POST", plain, `{}`, "Content-Type", jsonType, "X-Amz-Target", "AmazonSQS.ListQueues")
	checkJSONError(t, do(t, r), 403, modelled+"InvalidSecurity", "InvalidSecurity", &text)
	checkXML(t, do(t, request(t, "GET", plain+"/?Action=ListQueues", "")), 403, errorXML("InvalidSecurity", text))
	// Longer than what is read before the answer.
	checkXML(t, do(t, request(t, "POST", plain, strings.Repeat("x", 1<<16), "Content-Type", formType)), 403, errorXML("InvalidSecurity", text))
}

func TestHardenedTLS(t *testing.T) {
	t.Parallel()
	at, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		version uint16
		refused bool
	}{
		{"1.1", tls.VersionTLS11, true},
		{"1.2", tls.VersionTLS12, false},
		{"1.3", tls.VersionTLS13, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			connection, err := tls.Dial("tcp", at.Host, &tls.Config{MinVersion: c.version, MaxVersion: c.version, NextProtos: []string{"h2", "http/1.1"}})
			if c.refused {
				if err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			if got := connection.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
				t.Errorf("the protocol is %q", got)
			}
		})
	}
}
