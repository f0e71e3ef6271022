package loadgen

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"net/url"
	"strconv"
)

// queryWire is the AWS Query protocol: forms in, XML out.
type queryWire struct {
	path  string // of the queue
	start []byte // &Version=…&QueueUrl=…
}

const queryVersion = "2012-11-05"

func (w *queryWire) head(string) (path, contentType, target string) {
	return w.path, "application/x-www-form-urlencoded", ""
}

func (w *queryWire) use(queueURL string) error {
	u, err := url.Parse(queueURL)
	if err != nil {
		return fmt.Errorf("queue URL: %w", err)
	}
	w.path = u.EscapedPath()
	w.start = []byte("&Version=" + queryVersion + "&QueueUrl=" + url.QueryEscape(queueURL))
	return nil
}

func (w *queryWire) begin(dst []byte, action string) []byte {
	dst = append(dst, "Action="...)
	dst = append(dst, action...)
	return append(dst, w.start...)
}

func (w *queryWire) appendCreate(dst []byte, name string, attributes map[string]string) []byte {
	dst = fmt.Appendf(dst, "Action=CreateQueue&Version=%s&QueueName=%s", queryVersion, name)
	i := 0
	for name, value := range attributes {
		i++
		dst = fmt.Appendf(dst, "&Attribute.%[1]d.Name=%[2]s&Attribute.%[1]d.Value=%[3]s", i, url.QueryEscape(name), url.QueryEscape(value))
	}
	return dst
}

func (w *queryWire) appendGetURL(dst []byte, name string) []byte {
	return fmt.Appendf(dst, "Action=GetQueueUrl&Version=%s&QueueName=%s", queryVersion, url.QueryEscape(name))
}

func (w *queryWire) appendDeleteQueue(dst []byte) []byte { return w.begin(dst, "DeleteQueue") }

func (w *queryWire) queueURL(answer []byte) (string, error) {
	text, _, ok := element(answer, "<QueueUrl>", "</QueueUrl>")
	if !ok || len(text) == 0 {
		return "", fmt.Errorf("the answer has no QueueUrl: %s", answer)
	}
	return html.UnescapeString(string(text)), nil
}

func (w *queryWire) appendSend(dst []byte, m outgoing, number uint64) []byte {
	return appendFormMessage(w.begin(dst, "SendMessage"), "&", m, number)
}

func appendFormMessage(dst []byte, prefix string, m outgoing, number uint64) []byte {
	dst = append(dst, prefix...)
	dst = append(dst, "MessageBody="...)
	dst = append(dst, m.body...)
	if m.group >= 0 {
		dst = append(dst, prefix...)
		dst = append(dst, "MessageGroupId=g"...)
		dst = strconv.AppendInt(dst, int64(m.group), 10)
		dst = append(dst, prefix...)
		dst = append(dst, "MessageDeduplicationId="...)
		dst = strconv.AppendUint(dst, number, 10)
	}
	return dst
}

func (w *queryWire) appendSendBatch(dst []byte, list []outgoing, first uint64) []byte {
	dst = w.begin(dst, "SendMessageBatch")
	for i, m := range list {
		prefix := "&SendMessageBatchRequestEntry." + strconv.Itoa(i+1) + "."
		dst = append(dst, prefix...)
		dst = append(dst, "Id="...)
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = appendFormMessage(dst, prefix, m, first+uint64(i))
	}
	return dst
}

func (w *queryWire) appendReceive(dst []byte, max, waitSeconds int) []byte {
	dst = append(w.begin(dst, "ReceiveMessage"), "&MaxNumberOfMessages="...)
	dst = strconv.AppendInt(dst, int64(max), 10)
	dst = append(dst, "&WaitTimeSeconds="...)
	return strconv.AppendInt(dst, int64(waitSeconds), 10)
}

func (w *queryWire) appendDelete(dst, handle []byte) []byte {
	return appendHandle(append(w.begin(dst, "DeleteMessage"), "&ReceiptHandle="...), handle)
}

func (w *queryWire) appendDeleteBatch(dst []byte, list []incoming) []byte {
	dst = w.begin(dst, "DeleteMessageBatch")
	for i, m := range list {
		dst = fmt.Appendf(dst, "&DeleteMessageBatchRequestEntry.%d.Id=%d&DeleteMessageBatchRequestEntry.%[1]d.ReceiptHandle=", i+1, i)
		dst = appendHandle(dst, m.handle)
	}
	return dst
}

// appendHandle turns a handle as XML has it into one as a form has it.
func appendHandle(dst, handle []byte) []byte {
	return append(dst, url.QueryEscape(html.UnescapeString(string(handle)))...)
}

func (w *queryWire) received(answer []byte, dst []incoming) ([]incoming, error) {
	for {
		message, rest, ok := element(answer, "<Message>", "</Message>")
		if !ok {
			return dst, nil
		}
		body, _, ok1 := element(message, "<Body>", "</Body>")
		handle, _, ok2 := element(message, "<ReceiptHandle>", "</ReceiptHandle>")
		if !ok1 || !ok2 {
			return dst, errors.New("a message of the answer has no Body or no ReceiptHandle")
		}
		dst, answer = append(dst, incoming{body, handle}), rest
	}
}

// element returns what stands between two tags, and what follows.
func element(text []byte, begin, end string) (content, after []byte, ok bool) {
	_, text, ok = bytes.Cut(text, []byte(begin))
	if !ok {
		return nil, nil, false
	}
	return bytes.Cut(text, []byte(end))
}

func (w *queryWire) refused(answer []byte) bool {
	return bytes.Contains(answer, []byte("<BatchResultErrorEntry>"))
}
