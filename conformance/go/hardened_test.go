package gosdk

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// What a hardened server alone shows: policies that act, and TLS. Only run.sh --hardened runs this.

func TestHardenedUserWithoutPolicy(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "denied")
	stranger := sqs.New(options, func(o *sqs.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(os.Getenv("CONFORMANCE_STRANGER_KEY_ID"), os.Getenv("CONFORMANCE_STRANGER_SECRET"), "")
	})
	denied := func(action string) string {
		return fmt.Sprintf("User: arn:aws:iam::%s:user/stranger is not authorized to perform: sqs:%s on resource: %s because no identity-based policy allows the sqs:%[2]s action",
			os.Getenv("CONFORMANCE_ACCOUNT"), action, q.arn())
	}
	_, err := stranger.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String("m")})
	refuse(t, err, "AccessDenied", 403, denied("sendmessage"))
	_, err = stranger.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url})
	refuse(t, err, "AccessDenied", 403, denied("receivemessage"))
}

func TestHardenedCertificateOfAnotherCA(t *testing.T) {
	t.Parallel()
	other, err := os.ReadFile(os.Getenv("CONFORMANCE_OTHER_CA"))
	succeed(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(other)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	_, err = sqs.New(options, func(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: transport} }).ListQueues(t.Context(), nil)
	var refused *tls.CertificateVerificationError
	if !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

func TestHardenedPlainHTTP(t *testing.T) {
	t.Parallel()
	plain := strings.Replace(*options.BaseEndpoint, "https:", "http:", 1)
	_, err := sqs.New(options, func(o *sqs.Options) { o.BaseEndpoint = &plain }).ListQueues(t.Context(), nil)
	refuseAs[*types.InvalidSecurity](t, err, "InvalidSecurity", 403, "The request was not made over HTTPS.")
}
