package catalog

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Describe returns the kind of a stored change and what it says, as JSON, for tools. Secrets are left out, also
// where they are encrypted.
func Describe(data []byte) (kind string, text []byte, err error) {
	change, err := decodeChange(data)
	if err != nil {
		return "", nil, err
	}
	switch c := change.(type) {
	case SetSecret:
		return c.kind(), fmt.Appendf(nil, `{"secret_bytes":%d}`, len(c.Secret)), nil
	case PutAccessKey:
		c.Key.Sealed = nil
		change = c
	}
	text, err = json.Marshal(change, json.Deterministic(true), jsontext.EscapeForHTML(false))
	return change.kind(), text, err
}
