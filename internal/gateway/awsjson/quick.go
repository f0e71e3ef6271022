package awsjson

import (
	"encoding/base64"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/ascii"
)

// quick reads bodies as clients write them. It takes 0.7 of the time of the general decoder, which saves 1 % of the server's CPU
// in sends and 4 % in batches, and in batches half of its allocations. It gives up on everything that is not an object of known members with
// values that are right, each of them once and none of them null: then the general decoder begins anew, and finds the words for what
// is wrong. What quick accepts, both read alike; FuzzQuick holds it to that.
type quick struct {
	rest []byte // what is not read yet
	// texts has room for the strings of the input that are behind pointers, so that they are allocated together.
	texts []string
}

// decodeQuick reads the whole body into in, or says that it is for the general decoder. Then in may have a part of it.
func decodeQuick(a *api.Action, in any, body []byte) bool {
	q := quick{rest: body}
	return q.structure(a.Input, in) && len(q.space()) == 0
}

// space passes over white space and returns what follows.
func (q *quick) space() []byte {
	for i, c := range q.rest {
		if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			q.rest = q.rest[i:]
			return q.rest
		}
	}
	q.rest = nil
	return nil
}

// is passes over c, if it comes next.
func (q *quick) is(c byte) bool {
	rest := q.space()
	if len(rest) == 0 || rest[0] != c {
		return false
	}
	q.rest = rest[1:]
	return true
}

// more is called before each item of an object or array that close ends, with the number of items so far. It reports whether there
// is another, and whether all is well.
func (q *quick) more(close byte, n int) (more, ok bool) {
	if q.is(close) {
		return false, true
	}
	return true, n == 0 || q.is(',')
}

// raw reads a string and returns what is between the quotes, and whether that is the text: without escapes, and not just valid but
// UTF-8 too.
func (q *quick) raw() (raw []byte, verbatim, ok bool) {
	if !q.is('"') {
		return nil, false, false
	}
	plain := ascii.Verbatim(unsafe.String(unsafe.SliceData(q.rest), len(q.rest)))
	verbatim = true
	for n := plain; n < len(q.rest); n++ {
		switch c := q.rest[n]; {
		case c == '"':
			raw, q.rest = q.rest[:n], q.rest[n+1:]
			return raw, verbatim, !verbatim || n == plain || utf8.Valid(raw)
		case c == '\\':
			verbatim = false
			n++
		case c < ' ':
			return nil, false, false
		}
	}
	return nil, false, false
}

// text reads a string.
func (q *quick) text() (string, bool) {
	before := q.space()
	raw, verbatim, ok := q.raw()
	if verbatim || !ok {
		return string(raw), ok
	}
	quoted := before[:len(raw)+2]
	unquoted, err := jsontext.AppendUnquote(make([]byte, 0, len(raw)), quoted)
	return unsafe.String(unsafe.SliceData(unquoted), len(unquoted)), err == nil
}

// name reads the name of a member and the colon.
func (q *quick) name() (raw []byte, ok bool) {
	raw, verbatim, ok := q.raw()
	return raw, ok && verbatim && q.is(':')
}

// structure reads an object into the struct that at points to.
func (q *quick) structure(s *api.Shape, at any) bool {
	if !q.is('{') {
		return false
	}
	var seen uint64 // a bit per member
	for n := 0; ; n++ {
		more, ok := q.more('}', n)
		if !more || !ok {
			return ok
		}
		name, ok := q.name()
		if !ok {
			return false
		}
		i := s.Index(name)
		if i < 0 || seen&(1<<i) != 0 {
			return false
		}
		seen |= 1 << i
		if !q.member(&s.Members[i], s.Members[i].At(at)) {
			return false
		}
	}
}

// member reads a value into the field that at points to.
func (q *quick) member(m *api.Member, at any) (ok bool) {
	switch at := at.(type) {
	case *string:
		*at, ok = q.text()
	case **string:
		*at, ok = q.optionalText()
	case **int64:
		*at, ok = q.integer()
	case *[]byte:
		*at, ok = q.blob()
	case *[]string:
		*at, ok = quickItems(q, q.text)
	case *[][]byte:
		*at, ok = quickItems(q, q.blob)
	case *map[string]string:
		*at, ok = quickMapping(q, q.text)
	case *map[string]api.MessageAttributeValue:
		*at, ok = quickMapping(q, func() (v api.MessageAttributeValue, ok bool) {
			ok = q.structure(m.Items, &v)
			return v, ok
		})
	case api.List:
		ok = q.list(m, at)
	}
	return ok
}

// textsMin is how many strings are allocated together: enough for one send.
const textsMin = 4

// optionalText reads a string and returns a pointer to it.
func (q *quick) optionalText() (*string, bool) {
	s, ok := q.text()
	if len(q.texts) == cap(q.texts) {
		q.texts = make([]string, 0, max(textsMin, min(2*cap(q.texts), 32)))
	}
	q.texts = append(q.texts, s)
	return &q.texts[len(q.texts)-1], ok
}

// integer reads a number without fraction and exponent.
func (q *quick) integer() (*int64, bool) {
	rest := q.space()
	n := 0
	for n < len(rest) && (rest[n] >= '0' && rest[n] <= '9' || n == 0 && rest[n] == '-') {
		n++
	}
	digits := rest[:n]
	if n < len(rest) && (rest[n] == '.' || rest[n] == 'e' || rest[n] == 'E') {
		return nil, false
	}
	if len(digits) > 1 && (digits[0] == '0' || digits[0] == '-') {
		return nil, false // perhaps leading zeros, which are not JSON; negative numbers are rare
	}
	q.rest = rest[n:]
	v, err := strconv.ParseInt(string(digits), 10, 64)
	return &v, err == nil
}

// blob reads a base64 string.
func (q *quick) blob() ([]byte, bool) {
	s, ok := q.text()
	if !ok {
		return nil, false
	}
	data, err := base64.StdEncoding.DecodeString(s)
	return data, err == nil
}

// list reads an array of structs.
func (q *quick) list(m *api.Member, list api.List) bool {
	if !q.is('[') {
		return false
	}
	list.Empty()
	for n := 0; ; n++ {
		more, ok := q.more(']', n)
		if !more || !ok {
			return ok
		}
		if n == api.MaxItems || !q.structure(m.Items, list.Append()) {
			return false
		}
	}
}

// quickItems reads an array.
func quickItems[T any](q *quick, item func() (T, bool)) ([]T, bool) {
	if !q.is('[') {
		return nil, false
	}
	list := []T{}
	for {
		more, ok := q.more(']', len(list))
		if !more || !ok {
			return list, ok
		}
		v, ok := item()
		if !ok || len(list) == api.MaxItems {
			return nil, false
		}
		list = append(list, v)
	}
}

// quickMapping reads an object with arbitrary names.
func quickMapping[V any](q *quick, value func() (V, bool)) (map[string]V, bool) {
	if !q.is('{') {
		return nil, false
	}
	values := map[string]V{}
	for {
		more, ok := q.more('}', len(values))
		if !more || !ok {
			return values, ok
		}
		raw, ok := q.name()
		if !ok || len(values) == api.MaxItems {
			return nil, false
		}
		name := string(raw)
		if _, ok := values[name]; ok {
			return nil, false
		}
		if values[name], ok = value(); !ok {
			return nil, false
		}
	}
}
