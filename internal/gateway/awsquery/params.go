package awsquery

import (
	"bytes"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
)

// maxParams bounds the parameters of one request. A batch of ten messages with ten attributes each has about 400.
const maxParams = 10_000

// Params are the parameters of one request, in the order in which they came.
type Params []param

type param struct{ name, value string }

// Parse reads the parameters of a URL's query string and of a form body. It keeps no reference to form.
// Broken percent-encoding and too many parameters are *api.Errors.
func Parse(query string, form []byte) (Params, error) {
	n := 2 + strings.Count(query, "&") + bytes.Count(form, []byte("&"))
	if n > maxParams {
		return nil, api.MalformedInput.Newf("The request has more than %d parameters.", maxParams)
	}
	p := make(Params, 0, n)
	p, err := appendParams(p, query)
	if err != nil {
		return nil, err
	}
	return appendParams(p, form)
}

// Get returns the value of a parameter, "" if there is none.
func (p Params) Get(name string) string {
	v, _ := p.find(name)
	return v
}

// find returns the first value of a parameter.
func (p Params) find(name string) (value string, ok bool) {
	for i := range p {
		if p[i].name == name {
			return p[i].value, true
		}
	}
	return "", false
}

// appendParams reads name=value pairs separated by "&".
func appendParams[T string | []byte](p Params, s T) (Params, error) {
	for len(s) > 0 {
		pair := s
		if i := index(s, '&'); i >= 0 {
			pair, s = s[:i], s[i+1:]
		} else {
			s = s[len(s):]
		}
		if len(pair) == 0 {
			continue
		}
		name, value := pair, pair[len(pair):]
		if i := index(pair, '='); i >= 0 {
			name, value = pair[:i], pair[i+1:]
		}
		n, ok := unescape(name)
		v, ok2 := unescape(value)
		if !ok || !ok2 {
			return nil, api.MalformedInput.Newf("The request has a parameter with broken percent-encoding.")
		}
		p = append(p, param{n, v})
	}
	return p, nil
}

// index returns the position of c in s, or -1.
func index[T string | []byte](s T, c byte) int {
	switch s := any(s).(type) {
	case string:
		return strings.IndexByte(s, c)
	case []byte:
		return bytes.IndexByte(s, c)
	}
	return -1
}

// unescape decodes %XX and '+' (a space) into a string of its own.
func unescape[T string | []byte](s T) (string, bool) {
	if index(s, '%') < 0 && index(s, '+') < 0 {
		return string([]byte(s)), true // a copy even of a string: a small value must not hold on to a large request
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			out = append(out, ' ')
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			high, low := unhex(s[i+1]), unhex(s[i+2])
			if high < 0 || low < 0 {
				return "", false
			}
			out = append(out, byte(high<<4|low))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out), true
}

// unhex returns the value of a hexadecimal digit, or -1.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}
