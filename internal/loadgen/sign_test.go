package loadgen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// TestSignsAsTheSDK holds the signer to that of the AWS SDK, over requests, days and session tokens.
func TestSignsAsTheSDK(t *testing.T) {
	for _, token := range []string{"", "a/session+token=="} {
		own := &signer{keys: Keys{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token}, region: "eu-central-1", host: "sqs.example:9324"}
		for i, request := range []struct{ path, contentType, target, body string }{
			{"/", "application/x-amz-json-1.0", "AmazonSQS.SendMessage", `{"QueueUrl":"http://x/1/q","MessageBody":"a"}`},
			{"/000000000000/q", "application/x-www-form-urlencoded", "", "Action=SendMessage&MessageBody=" + strings.Repeat("x", 5000)},
			{"/", "application/x-amz-json-1.0", "AmazonSQS.ListQueues", "{}"},
		} {
			at := time.Date(2026, 11, 22+i/2, 23, 59, 58+i, 0, time.UTC) // the last is on another day
			head := own.sign(nil, at, request.path, request.contentType, request.target, fmt.Append(nil, len(request.body)), []byte(request.body))

			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://sqs.example:9324"+request.path, strings.NewReader(request.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", request.contentType)
			if request.target != "" {
				r.Header.Set("X-Amz-Target", request.target)
			}
			sum := sha256.Sum256([]byte(request.body))
			keys := aws.Credentials{AccessKeyID: own.keys.AccessKey, SecretAccessKey: own.keys.SecretKey, SessionToken: token}
			if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, hex.EncodeToString(sum[:]), "sqs", "eu-central-1", at); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
				want := r.Header.Get(name)
				if want != "" && !strings.Contains(string(head), name+": "+want+"\r\n") {
					t.Errorf("request %d, token %q: %s is\n%s\nwant\n%s", i, token, name, head, want)
				}
			}
		}
	}
}
