package sigv4

import (
	"errors"
	"fmt"
)

// ErrUnsigned is what Parse returns for a request without any trace of a signature.
var ErrUnsigned = errors.New("the request is not signed")

// Error says why a signature is refused, in the words for the client.
type Error struct {
	// Incomplete is true if the signature could not be read, false if it was read and is not valid.
	Incomplete bool
	// Text has no secret in it, and at most a few hundred bytes of what the client sent.
	Text string
}

func (e *Error) Error() string { return e.Text }

// ErrMismatch is what Verify returns when all is well but the signature itself.
var ErrMismatch = &Error{Text: "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."}

func incomplete(format string, args ...any) error {
	return &Error{Incomplete: true, Text: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return &Error{Text: fmt.Sprintf(format, args...)} }

// short bounds what is repeated to the client.
func short(s string) string {
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}
