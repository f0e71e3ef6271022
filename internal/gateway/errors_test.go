package gateway

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
)

// errorTable is the table of reference/sqs.md 2.1, with the three rows that HTTP adds.
var errorTable = []struct {
	shape, namespace, queryCode string
	status                      int
}{
	{"QueueDoesNotExist", "com.amazonaws.sqs", "AWS.SimpleQueueService.NonExistentQueue", 400},
	{"QueueNameExists", "com.amazonaws.sqs", "QueueAlreadyExists", 400},
	{"QueueDeletedRecently", "com.amazonaws.sqs", "AWS.SimpleQueueService.QueueDeletedRecently", 400},
	{"PurgeQueueInProgress", "com.amazonaws.sqs", "AWS.SimpleQueueService.PurgeQueueInProgress", 403},
	{"ReceiptHandleIsInvalid", "com.amazonaws.sqs", "ReceiptHandleIsInvalid", 404},
	{"MessageNotInflight", "com.amazonaws.sqs", "AWS.SimpleQueueService.MessageNotInflight", 400},
	{"OverLimit", "com.amazonaws.sqs", "OverLimit", 403},
	{"EmptyBatchRequest", "com.amazonaws.sqs", "AWS.SimpleQueueService.EmptyBatchRequest", 400},
	{"TooManyEntriesInBatchRequest", "com.amazonaws.sqs", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400},
	{"BatchEntryIdsNotDistinct", "com.amazonaws.sqs", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400},
	{"InvalidBatchEntryId", "com.amazonaws.sqs", "AWS.SimpleQueueService.InvalidBatchEntryId", 400},
	{"BatchRequestTooLong", "com.amazonaws.sqs", "AWS.SimpleQueueService.BatchRequestTooLong", 400},
	{"InvalidMessageContents", "com.amazonaws.sqs", "InvalidMessageContents", 400},
	{"InvalidAttributeName", "com.amazonaws.sqs", "InvalidAttributeName", 400},
	{"InvalidAttributeValue", "com.amazonaws.sqs", "InvalidAttributeValue", 400},
	{"InvalidIdFormat", "com.amazonaws.sqs", "InvalidIdFormat", 400},
	{"UnsupportedOperation", "com.amazonaws.sqs", "AWS.SimpleQueueService.UnsupportedOperation", 400},
	{"ResourceNotFoundException", "com.amazonaws.sqs", "ResourceNotFoundException", 404},
	{"InvalidAddress", "com.amazonaws.sqs", "InvalidAddress", 404},
	{"InvalidSecurity", "com.amazonaws.sqs", "InvalidSecurity", 403},
	{"RequestThrottled", "com.amazonaws.sqs", "RequestThrottled", 403},
	{"KmsAccessDenied", "com.amazonaws.sqs", "KMS.AccessDeniedException", 400},
	{"KmsDisabled", "com.amazonaws.sqs", "KMS.DisabledException", 400},
	{"KmsInvalidKeyUsage", "com.amazonaws.sqs", "KMS.InvalidKeyUsageException", 400},
	{"KmsInvalidState", "com.amazonaws.sqs", "KMS.InvalidStateException", 400},
	{"KmsNotFound", "com.amazonaws.sqs", "KMS.NotFoundException", 400},
	{"KmsOptInRequired", "com.amazonaws.sqs", "KMS.OptInRequired", 403},
	{"KmsThrottled", "com.amazonaws.sqs", "KMS.ThrottlingException", 400},
	{"InvalidParameterValueException", "com.amazon.coral.service", "InvalidParameterValue", 400},
	{"MissingRequiredParameterException", "com.amazon.coral.service", "MissingParameter", 400},
	{"UnknownOperationException", "com.amazon.coral.service", "InvalidAction", 400},
	{"SerializationException", "com.amazon.coral.service", "MalformedInput", 400},
	{"AccessDeniedException", "com.amazon.coral.service", "AccessDenied", 403},
	{"UnrecognizedClientException", "com.amazon.coral.service", "InvalidClientTokenId", 403},
	{"InvalidSignatureException", "com.amazon.coral.service", "SignatureDoesNotMatch", 403},
	{"IncompleteSignatureException", "com.amazon.coral.service", "IncompleteSignature", 400},
	{"MissingAuthenticationTokenException", "com.amazon.coral.service", "MissingAuthenticationToken", 403},
	{"ExpiredTokenException", "com.amazon.coral.service", "ExpiredToken", 403},
	{"RequestTimeoutException", "com.amazon.coral.service", "RequestTimeout", 408},
	{"RequestEntityTooLargeException", "com.amazon.coral.service", "RequestEntityTooLarge", 413},
	{"InternalFailure", "com.amazon.coral.service", "InternalFailure", 500},
	{"ServiceUnavailableException", "com.amazon.coral.service", "ServiceUnavailable", 503},
}

// seenError is an error as a client reads it from an answer.
type seenError struct {
	status                             int
	header, contentType, requestID     string
	jsonType, message                  string // JSON
	fault, code, queryMessage, queryID string // Query
	detailIsThere                      bool
}

// sendFailing sends one SendMessage to a service that fails with e.
func sendFailing(t *testing.T, e *api.Error, contentType, accept string) seenError {
	t.Helper()
	h := New(Options{SQS: fake(func(context.Context, string, *api.Caller, any) (any, error) { return nil, e })})
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{}`))
	if contentType == "" {
		r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
	} else {
		r = httptest.NewRequest("POST", "/", strings.NewReader(`Action=SendMessage`))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	seen := seenError{
		status: w.Code, header: w.Header().Get("x-amzn-query-error"),
		contentType: w.Header().Get("Content-Type"), requestID: w.Header().Get("x-amzn-RequestId"),
	}
	switch seen.contentType {
	case "application/x-amz-json-1.0":
		var body struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		decodeStrictly(t, w, &body)
		seen.jsonType, seen.message = body.Type, body.Message
	case "application/json":
		var body struct {
			Error     struct{ Type, Code, Message, Detail any }
			RequestId string
		}
		decodeStrictly(t, w, &body)
		seen.fault, seen.code, seen.queryMessage = body.Error.Type.(string), body.Error.Code.(string), body.Error.Message.(string)
		seen.queryID, seen.detailIsThere = body.RequestId, body.Error.Detail == nil
	case "text/xml":
		var body struct {
			XMLName xml.Name `xml:"http://queue.amazonaws.com/doc/2012-11-05/ ErrorResponse"`
			Error   struct {
				Type, Code, Message string
				Detail              *struct{}
			}
			RequestId string
		}
		if err := xml.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
		seen.fault, seen.code, seen.queryMessage = body.Error.Type, body.Error.Code, body.Error.Message
		seen.queryID, seen.detailIsThere = body.RequestId, body.Error.Detail != nil
	}
	return seen
}

// decodeStrictly reads a JSON answer and refuses members that body lacks.
func decodeStrictly(t *testing.T, w *httptest.ResponseRecorder, body any) {
	t.Helper()
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(body); err != nil {
		t.Fatal(err)
	}
}

func TestEveryErrorInEveryProtocol(t *testing.T) {
	if len(errorTable) != len(api.ErrorKinds) {
		t.Errorf("%d rows here, %d in the table", len(errorTable), len(api.ErrorKinds))
	}
	for i, row := range errorTable {
		kind := api.ErrorKinds[i]
		t.Run(row.shape, func(t *testing.T) {
			if kind.Text == "" || strings.Contains(kind.Text, "%") {
				t.Errorf("default text %q", kind.Text)
			}
			fault := "Sender"
			if row.status >= 500 {
				fault = "Receiver"
			}
			e := kind.New()

			got := sendFailing(t, e, "", "")
			want := seenError{
				status: row.status, header: row.queryCode + ";" + fault, contentType: "application/x-amz-json-1.0", requestID: got.requestID,
				jsonType: row.namespace + "#" + row.shape, message: kind.Text,
			}
			if got != want || len(got.requestID) != 36 {
				t.Errorf("JSON: got %+v\nwant %+v", got, want)
			}

			queryText := kind.Text
			if row.shape == "QueueDoesNotExist" {
				queryText = "The specified queue does not exist for this wsdl version."
			}
			for contentType, accept := range map[string]string{"text/xml": "*/*", "application/json": "application/json, text/plain"} {
				got := sendFailing(t, e, "application/x-www-form-urlencoded", accept)
				want := seenError{
					status: row.status, header: row.queryCode + ";" + fault, contentType: contentType, requestID: got.requestID,
					fault: fault, code: row.queryCode, queryMessage: queryText, queryID: got.requestID, detailIsThere: true,
				}
				if got != want {
					t.Errorf("Query, %s: got %+v\nwant %+v", contentType, got, want)
				}
			}
		})
	}
}

func TestErrorsWithWordsOfTheirOwn(t *testing.T) {
	e := api.QueueDoesNotExist.Newf("a <b> & \"c\" d")
	if got := sendFailing(t, e, "", ""); got.message != e.Message {
		t.Errorf("JSON: %q", got.message)
	}
	if got := sendFailing(t, e, "application/x-www-form-urlencoded", ""); got.queryMessage != e.Message || got.status != http.StatusBadRequest {
		t.Errorf("Query: %q", got.queryMessage)
	}
}
