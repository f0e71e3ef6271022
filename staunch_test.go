package staunch_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/goleak"

	"github.com/staunchmq/staunch"
)

func client(s *staunch.Server) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(s.Endpoint()),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func Example() {
	ctx := context.Background()
	server, err := staunch.Start(ctx, staunch.Options{})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	c := client(server)
	queue, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("hello")})
	if err != nil {
		panic(err)
	}
	_, err = c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("first message")})
	if err != nil {
		panic(err)
	}
	received, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil {
		panic(err)
	}
	fmt.Println(*received.Messages[0].Body)
	// Output: first message
}

func TestDataSurvivesAStop(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
	dir := t.TempDir()
	for i := range 2 {
		s, err := staunch.Start(t.Context(), staunch.Options{Data: dir})
		if err != nil {
			t.Fatal(err)
		}
		c := client(s)
		q, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("m")}); err != nil {
			t.Fatal(err)
		}
		out, err := c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := out.Attributes["ApproximateNumberOfMessages"], fmt.Sprint(i+1); got != want {
			t.Errorf("start %d: %s messages, want %s", i, got, want)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
}

// authority returns what trusts the certificate of the servers of httptest, and the files of the certificate and its key.
func authority(t *testing.T) (trust *tls.Config, cert, key string) {
	t.Helper()
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	der, err := x509.MarshalPKCS8PrivateKey(lender.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: lender.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(lender.Certificate())
	return &tls.Config{RootCAs: pool}, cert, key
}

func TestEndpointOverTLS(t *testing.T) {
	trust, cert, key := authority(t)
	s, err := staunch.Start(t.Context(), staunch.Options{Settings: map[string]string{"tls-cert": cert, "tls-key": key}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !strings.HasPrefix(s.Endpoint(), "https://127.0.0.1:") {
		t.Errorf("the endpoint is %s", s.Endpoint())
	}
	transport := &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}
	c := sqs.New(client(s).Options(), func(o *sqs.Options) { o.HTTPClient = &http.Client{Transport: transport} })
	if _, err := c.ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
		t.Error(err)
	}
}

func TestRootKeyIsThatOfTheFirstStart(t *testing.T) {
	o := staunch.Options{Data: t.TempDir(), Settings: map[string]string{"auth": "verify"}}
	var key staunch.AccessKey
	for _, first := range []bool{true, false} {
		s, err := staunch.Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		made, ok := s.RootKey()
		if ok != first || ok == (made == staunch.AccessKey{}) {
			t.Errorf("first start %v: RootKey = %v, %v", first, made.ID, ok)
		}
		if first {
			key = made
		}
		signed := func(id, secret string) error {
			c := sqs.New(client(s).Options(), func(o *sqs.Options) { o.Credentials = credentials.NewStaticCredentialsProvider(id, secret, "") })
			_, err := c.ListQueues(t.Context(), &sqs.ListQueuesInput{})
			return err
		}
		if err := signed(key.ID, key.Secret); err != nil {
			t.Errorf("first start %v: with the root's key: %v", first, err)
		}
		if err := signed(key.ID, "another"); err == nil {
			t.Errorf("first start %v: another secret is accepted", first)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNoRootKeyIsMadeWithoutAuth(t *testing.T) {
	s, err := staunch.Start(t.Context(), staunch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if key, ok := s.RootKey(); ok || key != (staunch.AccessKey{}) {
		t.Errorf("RootKey = %v, %v", key.ID, ok)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name    string
		options staunch.Options
		want    string
	}{
		{"unknown setting", staunch.Options{Settings: map[string]string{"regoin": "x"}}, "regoin"},
		{"out of range", staunch.Options{Settings: map[string]string{"shards": "9999"}}, "9999"},
		{"other machines", staunch.Options{Listen: "0.0.0.0:0"}, "insecure-no-auth"},
		{"decided elsewhere", staunch.Options{Settings: map[string]string{"data": "x"}}, "Options.Data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := staunch.Start(t.Context(), tt.options)
			if err == nil {
				t.Fatal(s.Close(), "started")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %q, want it to name %q", err, tt.want)
			}
		})
	}
}

func TestASecondServerIsRefusedTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := staunch.Start(t.Context(), staunch.Options{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if second, err := staunch.Start(t.Context(), staunch.Options{Data: dir}); err == nil {
		t.Error("a second server opened the directory", second.Close())
	} else if !strings.Contains(err.Error(), dir) {
		t.Errorf("error %q does not name the directory", err)
	}
}
