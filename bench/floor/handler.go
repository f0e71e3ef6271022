package main

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// handler answers the requests.
type handler struct {
	journal  *journal
	verifier *verifier
	buffers  sync.Pool // *buffers

	mu     sync.RWMutex // guards queues
	queues map[string]*queue
}

// buffers are what a request needs while it is answered.
type buffers struct{ in, record, out []byte }

func newHandler(j *journal, v *verifier) *handler {
	return &handler{journal: j, verifier: v, queues: make(map[string]*queue), buffers: sync.Pool{New: func() any { return new(buffers) }}}
}

// bodyBytesMax is more than any request of SQS has.
const bodyBytesMax = 16 << 20

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b := h.buffers.Get().(*buffers)
	defer h.buffers.Put(b)
	if r.ContentLength < 0 || r.ContentLength > bodyBytesMax {
		refuse(w, http.StatusBadRequest, "MissingContentLength")
		return
	}
	if cap(b.in) < int(r.ContentLength) {
		b.in = make([]byte, r.ContentLength)
	}
	b.in = b.in[:r.ContentLength]
	if _, err := io.ReadFull(r.Body, b.in); err != nil {
		return // the client has gone
	}
	if !h.verifier.verify(r, b.in) {
		refuse(w, http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	in, err := decode(b.in)
	if err != nil {
		refuse(w, http.StatusBadRequest, "SerializationException")
		return
	}
	action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	b.out, b.record = b.out[:0], b.record[:0]
	name := path.Base(in.queue)
	if status, problem := h.act(r, action, name, in, b); problem != "" {
		refuse(w, status, problem)
		return
	}
	header := w.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(b.out))}
	header["X-Amzn-Requestid"] = []string{uuid.NewString()}
	_, _ = w.Write(b.out) // the client may have gone
}

var contentType = []string{"application/x-amz-json-1.0"}

func refuse(w http.ResponseWriter, status int, problem string) {
	w.Header()["Content-Type"] = contentType
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"__type":"`+problem+`"}`)
}

// act does one action and appends its answer to b.out. problem is empty when it was done.
func (h *handler) act(r *http.Request, action, name string, in request, b *buffers) (status int, problem string) {
	switch action {
	case "CreateQueue":
		if strings.HasSuffix(name, ".fifo") {
			return http.StatusBadRequest, "InvalidParameterValue" // the floor has no FIFO queues
		}
		h.mu.Lock()
		h.queues[name] = newQueue()
		h.mu.Unlock()
		b.out = append(append(append(b.out, `{"QueueUrl":"http://`...), r.Host...), "/000000000000/"...)
		b.out = append(append(b.out, name...), `"}`...)
		return 0, ""
	case "DeleteQueue":
		h.mu.Lock()
		delete(h.queues, name)
		h.mu.Unlock()
		b.out = append(b.out, "{}"...)
		return 0, ""
	}
	h.mu.RLock()
	q := h.queues[name]
	h.mu.RUnlock()
	if q == nil {
		return http.StatusBadRequest, "com.amazonaws.sqs#QueueDoesNotExist"
	}
	var err error
	switch action {
	case "SendMessage", "SendMessageBatch":
		err = h.send(q, in, b, action == "SendMessageBatch")
	case "ReceiveMessage":
		err = h.receive(r, q, in, b)
	case "DeleteMessage", "DeleteMessageBatch":
		err = h.delete(q, in, b, action == "DeleteMessageBatch")
	default:
		return http.StatusBadRequest, "InvalidAction"
	}
	if err != nil {
		return http.StatusInternalServerError, "InternalFailure"
	}
	return 0, ""
}

func (h *handler) send(q *queue, in request, b *buffers, batch bool) error {
	list := make([]message, len(in.entries))
	for i, e := range in.entries {
		sum := md5.Sum(e.body)
		list[i] = message{id: uuid.NewString(), md5: hex.EncodeToString(sum[:]), body: string(e.body)}
		b.record = append(append(append(b.record, 's'), list[i].id...), e.body...)
	}
	if err := h.journal.commit(b.record); err != nil {
		return err
	}
	q.put(list...)
	open, end := `{"MessageId":"`, `"}`
	if batch {
		b.out = append(b.out, `{"Successful":[`...)
		end = `"},`
	}
	for i, m := range list {
		if batch {
			b.out = appendQuoted(append(b.out, `{"Id":`...), in.entries[i].id)
			open = `,"MessageId":"`
		}
		b.out = append(append(append(b.out, open...), m.id...), `","MD5OfMessageBody":"`...)
		b.out = append(append(b.out, m.md5...), end...)
	}
	if batch {
		b.out = append(b.out[:len(b.out)-1], `],"Failed":[]}`...)
	}
	return nil
}

func (h *handler) receive(r *http.Request, q *queue, in request, b *buffers) error {
	list, first := q.take(r.Context(), min(max(in.max, 1), 10), time.Duration(in.wait)*time.Second)
	if len(list) == 0 {
		b.out = append(b.out, "{}"...)
		return nil
	}
	for i := range list {
		b.record = appendInt(append(b.record, 'r'), int(first)+i)
	}
	if err := h.journal.commit(b.record); err != nil {
		return err
	}
	b.out = append(b.out, `{"Messages":[`...)
	for i, m := range list {
		b.out = append(append(b.out, `{"MessageId":"`...), m.id...)
		b.out = appendInt(append(b.out, `","ReceiptHandle":"`...), int(first)+i)
		b.out = append(append(b.out, `","MD5OfBody":"`...), m.md5...)
		b.out = append(appendQuoted(append(b.out, `","Body":`...), []byte(m.body)), "},"...)
	}
	b.out = append(b.out[:len(b.out)-1], "]}"...)
	return nil
}

func (h *handler) delete(q *queue, in request, b *buffers, batch bool) error {
	for _, e := range in.entries {
		handle, err := strconv.ParseUint(string(e.handle), 10, 64)
		if err != nil {
			return err
		}
		q.remove(handle)
		b.record = append(append(b.record, 'd'), e.handle...)
	}
	if err := h.journal.commit(b.record); err != nil {
		return err
	}
	if !batch {
		b.out = append(b.out, "{}"...)
		return nil
	}
	b.out = append(b.out, `{"Successful":[`...)
	for _, e := range in.entries {
		b.out = append(appendQuoted(append(b.out, `{"Id":`...), e.id), "},"...)
	}
	b.out = append(b.out[:len(b.out)-1], `],"Failed":[]}`...)
	return nil
}

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// appendQuoted appends a JSON string.
func appendQuoted(dst, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c == '"' || c == '\\' || c >= 0x80 {
			quoted, _ := json.Marshal(string(text)) // a string has no error
			return append(dst, quoted...)
		}
	}
	dst = append(append(dst, '"'), text...)
	return append(dst, '"')
}
