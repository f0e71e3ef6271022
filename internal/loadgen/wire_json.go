package loadgen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// jsonWire is AWS JSON 1.0.
type jsonWire struct {
	start []byte // {"QueueUrl":"…"
}

func (w *jsonWire) head(action string) (path, contentType, target string) {
	return "", "application/x-amz-json-1.0", "AmazonSQS." + action
}

func (w *jsonWire) use(queueURL string) error {
	quoted, err := json.Marshal(queueURL)
	w.start = append([]byte(`{"QueueUrl":`), quoted...)
	return err
}

func (w *jsonWire) appendCreate(dst []byte, name string, attributes map[string]string) []byte {
	in := struct {
		QueueName  string
		Attributes map[string]string
	}{name, attributes}
	text, err := json.Marshal(in)
	if err != nil {
		panic(err) // strings can be written
	}
	return append(dst, text...)
}

func (w *jsonWire) appendGetURL(dst []byte, name string) []byte {
	return fmt.Appendf(dst, `{"QueueName":%q}`, name)
}

func (w *jsonWire) appendDeleteQueue(dst []byte) []byte {
	return append(append(dst, w.start...), '}')
}

func (w *jsonWire) queueURL(answer []byte) (string, error) {
	var out struct{ QueueUrl string }
	err := json.Unmarshal(answer, &out)
	if err == nil && out.QueueUrl == "" {
		err = fmt.Errorf("the answer has no QueueUrl: %s", answer)
	}
	return out.QueueUrl, err
}

func (w *jsonWire) appendSend(dst []byte, m outgoing, number uint64) []byte {
	dst = append(dst, w.start...)
	dst = append(dst, ',')
	return append(appendMessage(dst, m, number), '}')
}

// appendMessage appends what send and an entry of a batch have in common.
func appendMessage(dst []byte, m outgoing, number uint64) []byte {
	dst = append(dst, `"MessageBody":"`...)
	dst = append(dst, m.body...)
	if m.group >= 0 {
		dst = append(dst, `","MessageGroupId":"g`...)
		dst = strconv.AppendInt(dst, int64(m.group), 10)
		dst = append(dst, `","MessageDeduplicationId":"`...)
		dst = strconv.AppendUint(dst, number, 10)
	}
	return append(dst, '"')
}

func (w *jsonWire) appendSendBatch(dst []byte, list []outgoing, first uint64) []byte {
	dst = append(dst, w.start...)
	dst = append(dst, `,"Entries":[`...)
	for i, m := range list {
		dst = appendEntry(dst, i)
		dst = append(appendMessage(dst, m, first+uint64(i)), '}')
	}
	return append(dst, "]}"...)
}

// appendEntry begins entry i of a batch.
func appendEntry(dst []byte, i int) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	dst = append(dst, `{"Id":"`...)
	dst = strconv.AppendInt(dst, int64(i), 10)
	return append(dst, `",`...)
}

func (w *jsonWire) appendReceive(dst []byte, max, waitSeconds int) []byte {
	dst = append(dst, w.start...)
	dst = append(dst, `,"MaxNumberOfMessages":`...)
	dst = strconv.AppendInt(dst, int64(max), 10)
	dst = append(dst, `,"WaitTimeSeconds":`...)
	dst = strconv.AppendInt(dst, int64(waitSeconds), 10)
	return append(dst, '}')
}

func (w *jsonWire) appendDelete(dst, handle []byte) []byte {
	dst = append(dst, w.start...)
	dst = append(dst, `,"ReceiptHandle":"`...)
	dst = append(dst, handle...)
	return append(dst, `"}`...)
}

func (w *jsonWire) appendDeleteBatch(dst []byte, list []incoming) []byte {
	dst = append(dst, w.start...)
	dst = append(dst, `,"Entries":[`...)
	for i, m := range list {
		dst = appendEntry(dst, i)
		dst = append(dst, `"ReceiptHandle":"`...)
		dst = append(dst, m.handle...) // still escaped, as it was in the answer
		dst = append(dst, `"}`...)
	}
	return append(dst, "]}"...)
}

var errCut = errors.New("a string of the answer does not end")

// received looks at the strings of the answer alone: a message has one member Body and one ReceiptHandle, in any order.
func (w *jsonWire) received(answer []byte, dst []incoming) ([]incoming, error) {
	var m incoming
	for rest := answer; ; {
		text, after, err := nextString(rest)
		if err != nil {
			return dst, err
		}
		if after == nil {
			break
		}
		rest = after
		isBody, isHandle := string(text) == "Body", string(text) == "ReceiptHandle"
		if !isBody && !isHandle || !isName(rest) {
			continue
		}
		if text, rest, err = nextString(rest); err != nil || rest == nil {
			return dst, errCut
		}
		if isBody {
			m.body = text
		} else {
			m.handle = text
		}
		if m.body != nil && m.handle != nil {
			dst, m = append(dst, m), incoming{}
		}
	}
	if m.body != nil || m.handle != nil {
		return dst, errors.New("a message of the answer has no Body or no ReceiptHandle")
	}
	return dst, nil
}

// isName tells whether the string that ended just before rest is the name of a member.
func isName(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

// nextString returns the next string of a JSON text, without its quotes and with its escapes, and what follows it; nil when
// there is none.
func nextString(text []byte) (content, after []byte, err error) {
	open := bytes.IndexByte(text, '"')
	if open < 0 {
		return nil, nil, nil
	}
	text = text[open+1:]
	for at := 0; ; {
		quote := bytes.IndexByte(text[at:], '"')
		if quote < 0 {
			return nil, nil, errCut
		}
		quote += at
		slashes := 0
		for i := quote - 1; i >= 0 && text[i] == '\\'; i-- {
			slashes++
		}
		if slashes%2 == 0 {
			return text[:quote:quote], text[quote+1:], nil
		}
		at = quote + 1
	}
}

func (w *jsonWire) refused(answer []byte) bool {
	_, rest, found := bytes.Cut(answer, []byte(`"Failed"`))
	if !found {
		return false
	}
	rest = bytes.TrimLeft(rest, " \t\r\n:[")
	return len(rest) > 0 && rest[0] == '{'
}
