package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/gateway/awsjson"
	"github.com/staunchmq/staunch/internal/gateway/awsquery"
)

const sendBody = `{"QueueUrl":"http://localhost:9324/000000000000/orders","MessageBody":"{\"order\":12345,\"customer\":\"someone\",\"items\":[1,2,3]}",` +
	`"MessageAttributes":{"kind":{"DataType":"String","StringValue":"order"}}}`

const sendForm = `Action=SendMessage&Version=2012-11-05&QueueUrl=http%3A%2F%2Flocalhost%3A9324%2F000000000000%2Forders&MessageBody=%7B%22order%22%3A12345%7D` +
	`&MessageAttribute.1.Name=kind&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=order`

var sent = &api.SendMessageOutput{MessageId: "2a7fcf4e-2f0a-4f52-9a3f-36a5bd5a0e15", MD5OfMessageBody: "78e731027d8fd50ed642340b7c9a63b3",
	MD5OfMessageAttributes: "da1b33cc3cbfe8b1630921e78e6b9880"}

func BenchmarkSendMessageCodecs(b *testing.B) {
	a := api.ActionNamed("SendMessage")
	b.Run("json", func(b *testing.B) {
		body, dst := []byte(sendBody), make([]byte, 0, 1024)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := awsjson.Decode(a, body); err != nil {
				b.Fatal(err)
			}
			dst = awsjson.AppendOutput(dst[:0], a, sent)
		}
	})
	b.Run("query", func(b *testing.B) {
		body, dst := []byte(sendForm), make([]byte, 0, 1024)
		b.ReportAllocs()
		for b.Loop() {
			params, err := awsquery.Parse("", body)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := awsquery.Decode(a, params); err != nil {
				b.Fatal(err)
			}
			dst = awsquery.AppendOutput(dst[:0], a, sent, "2012-11-05", "2a7fcf4e-2f0a-4f52-9a3f-36a5bd5a0e15")
		}
	})
}

// BenchmarkServeSendMessage measures the whole gateway, without net/http's own work; verified is with the signature of a key that
// the gateway has seen before.
func BenchmarkServeSendMessage(b *testing.B) {
	believing := verifying(func(context.Context, string, *api.Caller, any) (any, error) { return sent, nil })
	verified := believing
	believing.Keys = nil
	for _, bc := range []struct {
		name, body string
		header     http.Header
	}{
		{"json", sendBody, http.Header{"X-Amz-Target": {"AmazonSQS.SendMessage"}, "Content-Type": {awsjson.ContentType}}},
		{"query", sendForm, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}},
		{"json 16 KB", sendBody[:len(sendBody)-1] + `,"MessageGroupId":"` + strings.Repeat("g", 16<<10) + `"}`,
			http.Header{"X-Amz-Target": {"AmazonSQS.SendMessage"}, "Content-Type": {awsjson.ContentType}}},
	} {
		c := listQueues()
		c.body, c.header = strings.ReplaceAll(bc.body, "000000000000", "111111111111"), bc.header
		b.Run(bc.name, func(b *testing.B) { serveAgain(b, New(believing), c) })
		b.Run(bc.name+" verified", func(b *testing.B) { serveAgain(b, New(verified), c) })
	}
}

// serveAgain sends the same request again and again.
func serveAgain(b *testing.B, h *Handler, c call) {
	r := c.request(b)
	reader := strings.NewReader("")
	r.Body = io.NopCloser(reader)
	w := &nullWriter{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(c.body)
		clear(w.header)
		h.ServeHTTP(w, r)
	}
	if w.status != http.StatusOK {
		b.Fatal(w.status)
	}
}

// BenchmarkReceiveTenMessages measures the encoding of a full receive.
func BenchmarkReceiveTenMessages(b *testing.B) {
	a := api.ActionNamed("ReceiveMessage")
	out := &api.ReceiveMessageOutput{}
	for range 10 {
		out.Messages = append(out.Messages, api.Message{
			MessageId: sent.MessageId, ReceiptHandle: "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", MD5OfBody: sent.MD5OfMessageBody, Body: sendBody,
			Attributes: map[string]string{"SentTimestamp": "1700000000000", "ApproximateReceiveCount": "1", "SenderId": "000000000000"},
		})
	}
	dst := make([]byte, 0, 16<<10)
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = awsjson.AppendOutput(dst[:0], a, out)
		}
	})
	b.Run("query", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = awsquery.AppendOutput(dst[:0], a, out, "", "id")
		}
	})
}

// nullWriter is a ResponseWriter that keeps the status only.
type nullWriter struct {
	header http.Header
	status int
}

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
