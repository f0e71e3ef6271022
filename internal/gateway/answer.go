package gateway

import (
	"net/http"
	"strconv"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/gateway/awsquery"
)

// answer writes the whole answer and reports the request as done.
func (x *exchange) answer(status int, code string, body []byte) {
	x.answered = true
	x.audit(status, code)
	header := x.w.Header()
	header["Content-Type"] = x.protocol.contentType()
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if x.bodyPending || ambiguous(x.r) {
		// With a body pending, net/http would otherwise wait for the rest of the body before it sends the answer.
		header["Connection"] = []string{"close"}
	}
	now := x.options.Now()
	_ = http.NewResponseController(x.w).SetWriteDeadline(now.Add(x.options.AnswerTimeout))
	x.whole(len(body))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // an error means that the client is gone
	x.options.Observe(x.actionName(), code, status, now.Sub(x.began).Seconds())
}

// answerNoAction answers requests that are not API requests at all, such as a browser's, in
// the same way whatever they accept (reference/sqs.md 1.3).
func (x *exchange) answerNoAction() {
	x.protocol = xmlProtocol{}
	x.w.Header()["X-Amzn-Query-Error"] = []string{api.UnknownOperation.QueryCode + ";" + api.UnknownOperation.Fault()}
	x.answer(http.StatusNotFound, api.UnknownOperation.QueryCode, []byte(awsquery.UnknownOperation))
}
