package catalog

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Describe returns the kind of a stored change and what it says, as JSON, for tools. A secret is left out.
func Describe(data []byte) (kind string, text []byte, err error) {
	change, err := decodeChange(data)
	if err != nil {
		return "", nil, err
	}
	if s, ok := change.(SetSecret); ok {
		return s.kind(), fmt.Appendf(nil, `{"secret_bytes":%d}`, len(s.Secret)), nil
	}
	text, err = json.Marshal(change, json.Deterministic(true), jsontext.EscapeForHTML(false))
	return change.kind(), text, err
}
