package identity

import "fmt"

// Code is the kind of an Error, in the words of IAM's API.
type Code string

// The codes of errors.
const (
	// Invalid: a value is missing, malformed or out of range.
	Invalid Code = "ValidationError"
	// Malformed: a policy document cannot be used.
	Malformed Code = "MalformedPolicyDocument"
	// NotFound: there is no such account, user, group, role, policy or key.
	NotFound Code = "NoSuchEntity"
	// Exists: the name or ID is taken.
	Exists Code = "EntityAlreadyExists"
	// InUse: what should be deleted has others that depend on it.
	InUse Code = "DeleteConflict"
	// Limit: there are as many as there may be.
	Limit Code = "LimitExceeded"
)

// Error says why an operation was refused. Nothing was changed then. Any other error of an operation means that the catalog failed.
type Error struct {
	Code Code   `json:"code"`
	Text string `json:"message"`
}

func (e *Error) Error() string { return e.Text }

func refuse(code Code, format string, values ...any) error {
	return &Error{Code: code, Text: fmt.Sprintf(format, values...)}
}
