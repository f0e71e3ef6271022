package gosdk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// skewed signs with a clock that is wrong.
type skewed struct {
	*v4.Signer
	by time.Duration
}

func (s skewed) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, at time.Time, o ...func(*v4.SignerOptions)) error {
	return s.Signer.SignHTTP(ctx, c, r, hash, service, region, at.Add(s.by), o...)
}

// tampering changes a request after it was signed.
type tampering struct{}

func (tampering) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte("before"), []byte("behind"))))
	return http.DefaultClient.Do(r)
}

func TestSignaturesThatAreRefused(t *testing.T) {
	if os.Getenv("CONFORMANCE_AUTH") == "" {
		t.Skip("the server is not known to verify signatures (CONFORMANCE_AUTH)")
	}
	t.Parallel()
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	as := func(id, secret string) func(*sqs.Options) {
		return func(o *sqs.Options) { o.Credentials = credentials.NewStaticCredentialsProvider(id, secret, "") }
	}
	for _, c := range []struct {
		name       string
		change     func(*sqs.Options)
		code, text string
	}{
		{"wrong secret", as(id, "wrong"), "SignatureDoesNotMatch", "The request signature we calculated does not match"},
		{"unknown key", as("AKIANOBODY", secret), "InvalidClientTokenId", "The security token included in the request is invalid."},
		{"clock behind", func(o *sqs.Options) { o.HTTPSignerV4 = skewed{v4.NewSigner(), -16 * time.Minute} }, "SignatureDoesNotMatch", "Signature expired: "},
		{"clock ahead", func(o *sqs.Options) { o.HTTPSignerV4 = skewed{v4.NewSigner(), 16 * time.Minute} }, "SignatureDoesNotMatch", "Signature not yet current: "},
		{"wrong region", func(o *sqs.Options) { o.Region = "eu-nowhere-1" }, "SignatureDoesNotMatch", "Credential should be scoped to a valid region."},
		{"tampered body", func(o *sqs.Options) { o.HTTPClient = tampering{} }, "SignatureDoesNotMatch", "The request signature we calculated does not match"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// A client of its own: the SDK remembers signers, and signing keys by access key ids.
			_, err := sqs.New(options, c.change).ListQueues(t.Context(), &sqs.ListQueuesInput{QueueNamePrefix: aws.String("before")})
			var refused smithy.APIError
			var status *smithyhttp.ResponseError
			if !errors.As(err, &refused) || refused.ErrorCode() != c.code || !strings.HasPrefix(refused.ErrorMessage(), c.text) ||
				!errors.As(err, &status) || status.HTTPStatusCode() != 403 {
				t.Errorf("got %v", err)
			}
		})
	}
}
