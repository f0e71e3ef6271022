// Package audit writes down who did what: one JSON object a line, on standard output or in a file that is renamed when it has grown.
//
// An entry has names and decisions, never bodies, attributes, tokens or secrets: there are no fields for them. What a client made up
// itself is cut short. An entry is written before the request is answered; it is not synced to disk.
package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/DeRuina/timberjack"
)

// Decisions on a request.
const (
	Allowed = "allowed" // it was carried out, or failed for another reason than who asked
	Denied  = "denied"  // the caller was not who it said, or may not do this
)

// Entry is one request.
type Entry struct {
	Time time.Time `json:"time"`
	// RequestID is that of the answer; the admin interface has none.
	RequestID string `json:"request_id,omitempty"`
	// Action is as policies name it, such as sqs:CreateQueue; admin:... for what was asked of the admin interface.
	Action string `json:"action"`
	// Resource is the ARN of the queue that the request names; of several, the first. Of the admin interface, the names that an operation has,
	// such as account/shop user/worker. Empty without one.
	Resource string `json:"resource,omitempty"`
	// Principal is an ARN; "anonymous" for an unsigned request. Empty if it is not known, because the signature was wrong.
	Principal string `json:"principal,omitempty"`
	// AccessKeyID is that of the signature; if Verified is false, it and Principal are what the client claims.
	AccessKeyID string `json:"access_key_id,omitempty"`
	Verified    bool   `json:"verified"`
	SourceIP    string `json:"source_ip"`
	TLS         bool   `json:"tls"`
	Decision    string `json:"decision"`
	// Reason is why policies denied the request.
	Reason string `json:"reason,omitempty"`
	// Status is that of HTTP, and Code the code of the error; empty on success.
	Status int    `json:"status"`
	Code   string `json:"code,omitempty"`
}

// Options say where a log goes.
type Options struct {
	// Path is a file; empty is Stdout. A file that reaches Bytes (at least 1 MiB, whole MiB) is renamed, and Keep of those are kept.
	Path  string
	Bytes int64
	Keep  int
	// Stdout is where entries go without a Path.
	Stdout io.Writer
	// Logger hears of entries that could not be written, and Lost is called for each.
	Logger *slog.Logger
	Lost   func()
}

// Log is an audit log. It is safe for concurrent use.
type Log struct {
	options Options

	mu     sync.Mutex // guards the following, and the order of lines; held while they are written
	out    io.Writer
	failed bool // the last entry was lost
}

// Open opens a log. It fails if the file cannot be written to.
func Open(o Options) (*Log, error) {
	l := &Log{options: o, out: o.Stdout}
	if o.Path == "" {
		return l, nil
	}
	f, err := os.OpenFile(o.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	l.out = l.openFile()
	return l, nil
}

func (l *Log) openFile() io.WriteCloser {
	return &timberjack.Logger{Filename: l.options.Path, MaxSize: int(l.options.Bytes >> 20), MaxBackups: l.options.Keep, FileMode: 0o600}
}

// What an entry has of a text, in bytes.
const (
	// TextMax bounds what the client made up. The longest ARN of a queue has about 180.
	TextMax = 256
	// ReasonMax bounds what the server says: the ARN of a principal, of up to about 630, and why it was denied.
	ReasonMax = 1024
)

// Record writes an entry. If that fails, the log of the server says so, and requests go on.
func (l *Log) Record(e *Entry) {
	bounded := *e
	bounded.Time = e.Time.UTC()
	for _, text := range []*string{&bounded.Resource, &bounded.AccessKeyID, &bounded.SourceIP} {
		*text = Cut(*text, TextMax)
	}
	for _, text := range []*string{&bounded.Principal, &bounded.Reason} {
		*text = Cut(*text, ReasonMax)
	}
	line, err := json.Marshal(&bounded)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		_, err = l.out.Write(append(line, '\n'))
	}
	if err != nil {
		l.options.Lost()
		if !l.failed {
			l.options.Logger.Error("entries of the audit log are lost", "error", err)
		}
	}
	l.failed = err != nil
}

// Cut shortens a text of more than bytesMax bytes to that and an ellipsis, at the end of a character.
func Cut(text string, bytesMax int) string {
	if len(text) <= bytesMax {
		return text
	}
	end := bytesMax
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// Reopen closes the file and goes on in the one that has its name then: somebody else may have renamed it.
func (l *Log) Reopen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.options.Path == "" {
		return nil
	}
	err := l.out.(io.Closer).Close()
	l.out = l.openFile()
	return err
}

// Close closes the file. Nothing may be recorded after it.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.options.Path == "" {
		return nil
	}
	return l.out.(io.Closer).Close()
}
