package admin

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/staunchmq/staunch/internal/identity"
)

// identityBytesMax is the largest input of an operation: a policy document, with what JSON adds to it.
const identityBytesMax = 128 << 10

// operation decodes the input of an operation, does it and returns its output.
type operation func(ctx context.Context, service *identity.Service, input []byte) (any, error)

// identityOperations is the table of operations on identities, by the last part of their path.
var identityOperations = map[string]operation{
	"create-account":    doing((*identity.Service).CreateAccount),
	"list-accounts":     doing((*identity.Service).ListAccounts),
	"delete-account":    doing((*identity.Service).DeleteAccount),
	"create-user":       doing((*identity.Service).CreateUser),
	"list-users":        doing((*identity.Service).ListUsers),
	"delete-user":       doing((*identity.Service).DeleteUser),
	"create-group":      doing((*identity.Service).CreateGroup),
	"list-groups":       doing((*identity.Service).ListGroups),
	"delete-group":      doing((*identity.Service).DeleteGroup),
	"add-to-group":      doing((*identity.Service).AddToGroup),
	"remove-from-group": doing((*identity.Service).RemoveFromGroup),
	"create-role":       doing((*identity.Service).CreateRole),
	"list-roles":        doing((*identity.Service).ListRoles),
	"update-role":       doing((*identity.Service).UpdateRole),
	"delete-role":       doing((*identity.Service).DeleteRole),
	"create-key":        doing((*identity.Service).CreateKey),
	"list-keys":         doing((*identity.Service).ListKeys),
	"rotate-key":        doing((*identity.Service).RotateKey),
	"import-key":        doing((*identity.Service).ImportKey),
	"update-key":        doing((*identity.Service).UpdateKey),
	"delete-key":        doing((*identity.Service).DeleteKey),
	"put-policy":        doing((*identity.Service).PutPolicy),
	"get-policy":        doing((*identity.Service).GetPolicy),
	"list-policies":     doing((*identity.Service).ListPolicies),
	"delete-policy":     doing((*identity.Service).DeletePolicy),
}

// badInput is the error of an input that is not the JSON that an operation takes.
type badInput struct{ err error }

func (e *badInput) Error() string {
	return "the body is not the input of this operation: " + e.err.Error()
}

func doing[In, Out any](do func(*identity.Service, context.Context, *In) (*Out, error)) operation {
	return func(ctx context.Context, service *identity.Service, input []byte) (any, error) {
		in := new(In)
		if err := json.Unmarshal(input, in, json.RejectUnknownMembers(true)); err != nil {
			return nil, &badInput{err}
		}
		return do(service, ctx, in)
	}
}

// identities answers POST /identities/{operation}.
func (o Options) identities(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("operation")
	do, ok := identityOperations[name]
	if !ok {
		answerJSON(w, http.StatusNotFound, &identity.Error{Code: "UnknownOperation", Text: "there is no operation " + name})
		return
	}
	var service *identity.Service
	if o.Identities != nil {
		service = o.Identities()
	}
	if service == nil {
		answerJSON(w, http.StatusServiceUnavailable, &identity.Error{Code: "ServiceUnavailable", Text: "the server is starting or stopping"})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, identityBytesMax))
	if err != nil {
		answerJSON(w, http.StatusRequestEntityTooLarge, &identity.Error{Code: identity.Invalid, Text: "the body was not read: " + err.Error()})
		return
	}
	about(w, body)
	out, err := do(r.Context(), service, body)
	var refused *identity.Error
	var bad *badInput
	switch {
	case errors.As(err, &refused):
		answerJSON(w, identityStatus[refused.Code], refused)
	case errors.As(err, &bad):
		answerJSON(w, http.StatusBadRequest, &identity.Error{Code: identity.Invalid, Text: bad.Error()})
	case err != nil:
		o.Logger.Error("an operation on identities failed", "operation", name, "error", err)
		answerJSON(w, http.StatusServiceUnavailable, &identity.Error{Code: "ServiceUnavailable", Text: err.Error()})
	default:
		if made, ok := out.(*identity.NewKey); ok {
			aboutKey(w, made.ID)
		}
		answerJSON(w, http.StatusOK, out)
	}
}

// identityStatus is the status of an answer with an error, as IAM has it.
var identityStatus = map[identity.Code]int{
	identity.Invalid:   http.StatusBadRequest,
	identity.Malformed: http.StatusBadRequest,
	identity.NotFound:  http.StatusNotFound,
	identity.Exists:    http.StatusConflict,
	identity.InUse:     http.StatusConflict,
	identity.Limit:     http.StatusConflict,
}

// answerJSON writes a value as the whole answer.
func answerJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil { // values are made of strings and numbers; this cannot be
		answer(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // nobody is left to tell when the client has gone
}
