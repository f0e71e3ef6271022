package awsjson

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
)

// ContentType is the media type of requests and responses.
const ContentType = "application/x-amz-json-1.0"

// TargetPrefix is what the X-Amz-Target header has before the name of an action.
const TargetPrefix = "AmazonSQS."

// Texts of AWS's parser for types that do not fit.
const (
	unexpectedStructure = "Start of structure or map found where not expected."
	unexpectedList      = "Start of list found where not expected"
	listInTextMap       = "Unrecognized collection type class java.lang.String"
	expectedList        = "Expected list or null"
	expectedStructure   = "Expected null"
)

// Decode reads the body of a request into a new input of the action. The input keeps no reference
// to body. Every error is an *api.Error.
func Decode(a *api.Action, body []byte) (in any, err error) {
	in = a.NewInput()
	if decodeQuick(a, in, body) {
		return in, nil
	}
	return decodeGeneral(a, body)
}

// decodeGeneral does what Decode does, for every body.
func decodeGeneral(a *api.Action, body []byte) (in any, err error) {
	in = a.NewInput()
	if len(bytes.TrimSpace(body)) == 0 {
		return in, nil
	}
	d := decoders.Get().(*decoder)
	d.reset(a, body)
	err = d.document(a.Input, in)
	d.reset(nil, nil)
	decoders.Put(d)
	if err != nil {
		return nil, err
	}
	return in, nil
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

// decoder reads one body. Its methods consume one JSON value each and return *api.Errors.
type decoder struct {
	action *api.Action
	buf    bytes.Buffer
	json   jsontext.Decoder
}

// options make the reader leave to us what it cannot report apart from other mistakes: text that is not
// Unicode, and repeated names, of which it would also remember the unknown ones, however many.
var options = []jsontext.Options{jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)}

func (d *decoder) reset(a *api.Action, body []byte) {
	d.action = a
	d.buf = *bytes.NewBuffer(body)
	d.json.Reset(&d.buf, options...)
}

// document reads the whole body.
func (d *decoder) document(s *api.Shape, in any) error {
	if err := d.structure(s, in); err != nil {
		return err
	}
	if len(bytes.TrimSpace(d.json.UnreadBuffer())) > 0 {
		return d.malformed()
	}
	return nil
}

// structure reads an object into the struct that at points to.
func (d *decoder) structure(s *api.Shape, at any) error {
	if err := d.open('{'); err != nil {
		return err
	}
	var seen uint64 // a bit per member
	for {
		name, more, err := d.name()
		if err != nil || !more {
			return err
		}
		i := s.Index(name)
		if i < 0 {
			if err := d.json.SkipValue(); err != nil {
				return d.malformed()
			}
			continue
		}
		if seen&(1<<i) != 0 {
			return d.repeated(s.Members[i].Name)
		}
		seen |= 1 << i
		if d.json.PeekKind() == 'n' {
			if err := d.token(); err != nil {
				return err
			}
			continue
		}
		if err := d.member(&s.Members[i], s.Members[i].At(at)); err != nil {
			return err
		}
	}
}

// member reads a value that is not null into the field that at points to.
func (d *decoder) member(m *api.Member, at any) error {
	var err error
	switch at := at.(type) {
	case *string:
		*at, err = d.text()
	case **string:
		*at, err = optional(d.text())
	case **int64:
		*at, err = optional(d.integer())
	case *[]byte:
		*at, err = d.blob(m)
	case *[]string:
		*at, err = items(d, m, d.text)
	case *[][]byte:
		*at, err = items(d, m, func() ([]byte, error) { return d.blob(m) })
	case *map[string]string:
		*at, err = mapping(d, m, func() (string, error) { return d.mapText(m) })
	case *map[string]api.MessageAttributeValue:
		*at, err = mapping(d, m, func() (v api.MessageAttributeValue, err error) {
			err = d.structure(m.Items, &v)
			return v, err
		})
	case api.List:
		at.Empty()
		_, err = items(d, m, func() (struct{}, error) { return struct{}{}, d.structure(m.Items, at.Append()) })
	default:
		panic("awsjson: no input has a member like " + m.Name)
	}
	return err
}

// optional turns a value into a pointer to it.
func optional[T any](v T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// items reads an array, whose items item reads. The result is never nil.
func items[T any](d *decoder, m *api.Member, item func() (T, error)) ([]T, error) {
	if err := d.open('['); err != nil {
		return nil, err
	}
	list := []T{}
	for {
		switch d.json.PeekKind() {
		case ']':
			return list, d.token()
		case 'n':
			if err := d.token(); err != nil {
				return nil, err
			}
			continue
		}
		if len(list) == api.MaxItems {
			return nil, d.tooMany(m, len(list))
		}
		v, err := item()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

// tooMany counts what is left of an array after n items and returns the error that says so.
func (d *decoder) tooMany(m *api.Member, n int) error {
	for ; d.json.PeekKind() != ']'; n++ {
		if err := d.json.SkipValue(); err != nil {
			return d.malformed()
		}
	}
	return m.TooManyItems(n)
}

// mapping reads an object with arbitrary names, whose values value reads. The result is never nil.
func mapping[V any](d *decoder, m *api.Member, value func() (V, error)) (map[string]V, error) {
	if err := d.open('{'); err != nil {
		return nil, err
	}
	values := map[string]V{}
	for {
		raw, more, err := d.name()
		if err != nil || !more {
			return values, err
		}
		if !utf8.Valid(raw) {
			return nil, d.action.NotUnicode()
		}
		name := string(raw)
		if _, ok := values[name]; ok {
			return nil, d.repeated(name)
		}
		if d.json.PeekKind() == 'n' {
			if err := d.token(); err != nil {
				return nil, err
			}
			continue
		}
		if len(values) == api.MaxItems {
			return nil, m.TooManyItems(api.MaxItems + 1)
		}
		if values[name], err = value(); err != nil {
			return nil, err
		}
	}
}

// open reads the start of an object or array, or complains as AWS does about what is there in its place.
func (d *decoder) open(want jsontext.Kind) error {
	kind := d.json.PeekKind()
	if kind == want {
		return d.token()
	}
	if d.json.StackDepth() == 0 && kind != 0 {
		return api.MalformedInput.Newf("The request body must be a JSON object.")
	}
	switch {
	case kind == '{':
		return api.MalformedInput.Newf(unexpectedStructure)
	case kind == '[':
		return api.MalformedInput.Newf(unexpectedList)
	case kind == 0:
		return d.malformed()
	case want == '[':
		return api.MalformedInput.Newf(expectedList)
	}
	return api.MalformedInput.Newf(expectedStructure)
}

// token reads the token that comes next, whose kind the caller has seen.
func (d *decoder) token() error {
	if _, err := d.json.ReadToken(); err != nil {
		return d.malformed()
	}
	return nil
}

// name reads the next name of an object, or its end. The name is valid until the next read.
func (d *decoder) name() (name []byte, more bool, err error) {
	if d.json.PeekKind() == '}' {
		return nil, false, d.token()
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return nil, false, d.malformed()
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true, nil
	}
	name, err = jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return nil, false, d.action.NotUnicode()
	}
	return name, true, nil
}

// text reads a string.
func (d *decoder) text() (string, error) {
	if d.json.PeekKind() != '"' {
		return "", d.notScalar("a String")
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return "", d.malformed()
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		if !utf8.Valid(raw) {
			return "", d.action.NotUnicode()
		}
		return string(raw[1 : len(raw)-1]), nil
	}
	// The reader has accepted the syntax; what is left to go wrong is the text itself.
	unquoted, err := jsontext.AppendUnquote(make([]byte, 0, len(raw)), raw)
	if err != nil {
		return "", d.action.NotUnicode()
	}
	return string(unquoted), nil
}

// mapText reads a value of a map of strings.
func (d *decoder) mapText(m *api.Member) (string, error) {
	switch kind := d.json.PeekKind(); {
	case kind == '[':
		return "", api.MalformedInput.Newf(listInTextMap)
	case kind == '0' && m.NumbersAsText:
		number, err := d.json.ReadValue()
		if err != nil {
			return "", d.malformed()
		}
		return string(number), nil
	}
	return d.text()
}

// integer reads a number.
func (d *decoder) integer() (int64, error) {
	if d.json.PeekKind() != '0' {
		return 0, d.notScalar("an Integer")
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return 0, d.malformed()
	}
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, nil
	}
	// 10.0 and 1e1 are whole numbers too. 1<<53: beyond it a float does not know its last digit.
	if f, err := strconv.ParseFloat(string(raw), 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f), nil
	}
	return 0, api.MalformedInput.Newf("NUMBER_VALUE can not be converted to an Integer")
}

// blob reads a base64 string. The result is never nil.
func (d *decoder) blob(m *api.Member) ([]byte, error) {
	s, err := d.text()
	if err != nil {
		return nil, err
	}
	data, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, api.MalformedInput.Newf("The value of %s is not valid base64.", m.Name)
	}
	return data, nil
}

// notScalar returns the error for a value that is neither a string nor a number where one of them is
// wanted, as in "TRUE_VALUE can not be converted to an Integer".
func (d *decoder) notScalar(wanted string) error {
	var found string
	switch d.json.PeekKind() {
	case '{':
		return api.MalformedInput.Newf(unexpectedStructure)
	case '[':
		return api.MalformedInput.Newf(unexpectedList)
	case '"':
		found = "STRING_VALUE"
	case '0':
		found = "NUMBER_VALUE"
	case 't':
		found = "TRUE_VALUE"
	case 'f':
		found = "FALSE_VALUE"
	default:
		return d.malformed()
	}
	return api.MalformedInput.Newf("%s can not be converted to %s", found, wanted)
}

// malformed returns the error for a body that is not JSON.
func (d *decoder) malformed() error {
	return api.MalformedInput.Newf("The request body is not valid JSON: see byte %d.", d.json.InputOffset())
}

// repeated returns the error for a name that an object has twice. The name itself is left out: it can be long.
func (d *decoder) repeated(name string) error {
	if len(name) > 256 {
		name = name[:256] + "…"
	}
	return api.MalformedInput.Newf("The request body has the member %q twice.", name)
}
