package iam

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Error says what is wrong with a document, and where.
type Error struct {
	// At is the place as a JSON pointer (RFC 6901), such as /Statement/0/Effect; empty for the whole document.
	At string
	// Text is what is wrong there.
	Text string
}

// Error returns place and text.
func (e *Error) Error() string {
	if e.At == "" {
		return e.Text
	}
	return e.At + ": " + e.Text
}

// Parse reads a document, checks all of it, and prepares it for Decide. The error is an [*Error].
func Parse(text string, kind Kind) (*Policy, error) {
	if len(text) > BytesMax {
		return nil, &Error{"", fmt.Sprintf("the document has %d bytes; it may have %d", len(text), BytesMax)}
	}
	r := &reader{dec: jsontext.NewDecoder(strings.NewReader(text))}
	raw, err := r.document()
	if err != nil {
		return nil, err
	}
	return raw.compile(kind)
}

// rawPolicy is a document as it was written.
type rawPolicy struct {
	version    string
	statements []rawStatement
}

// rawStatement is a statement as it was written. An element that is not there is nil.
type rawStatement struct {
	at                      string
	sid, effect             string
	principal, notPrincipal []rawPrincipal
	action, notAction       []string
	resource, notResource   []string
	conditions              []rawCondition
}

// rawPrincipal is a name in a Principal element, with its kind: AWS for the text "*".
type rawPrincipal struct{ kind, name string }

// rawCondition is one operator with one key and its values.
type rawCondition struct {
	at, operator, key string
	values            []string
}

// reader reads a document token by token.
type reader struct{ dec *jsontext.Decoder }

// here returns an error about what was read last.
func (r *reader) here(format string, args ...any) error {
	return &Error{string(r.dec.StackPointer()), fmt.Sprintf(format, args...)}
}

// token reads a token.
func (r *reader) token() (jsontext.Token, error) {
	t, err := r.dec.ReadToken()
	if err != nil {
		var syntactic *jsontext.SyntacticError
		if errors.As(err, &syntactic) {
			return t, &Error{string(syntactic.JSONPointer), fmt.Sprintf("not JSON at byte %d: %v", syntactic.ByteOffset, syntactic.Err)}
		}
		return t, &Error{"", "not JSON: the document ends too early"}
	}
	return t, nil
}

// object reads an object and calls member after each name.
func (r *reader) object(what string, member func(name string) error) error {
	t, err := r.token()
	if err != nil {
		return err
	}
	if t.Kind() != '{' {
		return r.here("%s must be an object", what)
	}
	for {
		t, err := r.token()
		if err != nil || t.Kind() == '}' {
			return err
		}
		if err := member(t.String()); err != nil {
			return err
		}
	}
}

// oneOrMore reads a value or a list of values, and calls each before it is read.
func (r *reader) oneOrMore(each func() error) error {
	if r.dec.PeekKind() != '[' {
		return each()
	}
	if _, err := r.token(); err != nil {
		return err
	}
	n := 0
	for r.dec.PeekKind() != ']' {
		if err := each(); err != nil {
			return err
		}
		n++
	}
	_, err := r.token()
	if err == nil && n == 0 {
		return r.here("the list is empty")
	}
	return err
}

// text reads a string.
func (r *reader) text() (string, error) {
	t, err := r.token()
	if err != nil {
		return "", err
	}
	if t.Kind() != '"' {
		return "", r.here("want a text")
	}
	return t.String(), nil
}

// scalar reads a string, a number or a boolean, as text.
func (r *reader) scalar() (string, error) {
	t, err := r.token()
	if err != nil {
		return "", err
	}
	switch t.Kind() {
	case '"', '0', 't', 'f':
		return t.String(), nil
	}
	return "", r.here("want a text, a number, true or false")
}

// texts reads a value or a list of values.
func (r *reader) texts(read func() (string, error)) (list []string, err error) {
	err = r.oneOrMore(func() error {
		s, err := read()
		list = append(list, s)
		return err
	})
	return list, err
}

// document reads a whole document.
func (r *reader) document() (p rawPolicy, err error) {
	err = r.object("a policy", func(name string) (err error) {
		switch name {
		case "Version":
			if p.version, err = r.text(); err == nil && p.version != Version2008 && p.version != Version2012 {
				err = r.here("there is no version %q of the policy language; there are %s and %s", p.version, Version2008, Version2012)
			}
		case "Id":
			_, err = r.text()
		case "Statement":
			err = r.oneOrMore(func() error {
				s, err := r.statement()
				p.statements = append(p.statements, s)
				return err
			})
		default:
			err = r.here("a policy has no element %q; it has Version, Id and Statement", name)
		}
		return err
	})
	if err != nil {
		return p, err
	}
	if p.statements == nil {
		return p, &Error{"", "the policy has no Statement"}
	}
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return p, &Error{"", "something follows after the end of the policy"}
	}
	return p, nil
}

// statement reads one statement.
func (r *reader) statement() (s rawStatement, err error) {
	err = r.object("a statement", func(name string) (err error) {
		if s.at == "" {
			s.at = parent(string(r.dec.StackPointer()))
		}
		switch name {
		case "Sid":
			s.sid, err = r.text()
		case "Effect":
			if s.effect, err = r.text(); err == nil && s.effect != "Allow" && s.effect != "Deny" {
				err = r.here("%q is not an effect; there are Allow and Deny", s.effect)
			}
		case "Principal":
			s.principal, err = r.principals()
		case "NotPrincipal":
			s.notPrincipal, err = r.principals()
		case "Action":
			s.action, err = r.texts(r.text)
		case "NotAction":
			s.notAction, err = r.texts(r.text)
		case "Resource":
			s.resource, err = r.texts(r.text)
		case "NotResource":
			s.notResource, err = r.texts(r.text)
		case "Condition":
			s.conditions, err = r.allConditions()
		default:
			err = r.here("a statement has no element %q", name)
		}
		return err
	})
	if err == nil && s.at == "" {
		err = r.here("the statement is empty")
	}
	return s, err
}

// principals reads "*", or an object of names by kind.
func (r *reader) principals() (list []rawPrincipal, err error) {
	if r.dec.PeekKind() == '"' {
		name, err := r.text()
		if err == nil && name != "*" {
			err = r.here(`%q is not a principal: want "*" or an object such as {"AWS": "123456789012"}`, name)
		}
		return []rawPrincipal{{"AWS", "*"}}, err
	}
	err = r.object("principals that are not \"*\"", func(kind string) error {
		names, err := r.texts(r.text)
		for _, name := range names {
			list = append(list, rawPrincipal{kind, name})
		}
		return err
	})
	if err == nil && list == nil {
		err = r.here("nobody is named")
	}
	return list, err
}

// allConditions reads a Condition element: values by operator and key.
func (r *reader) allConditions() (list []rawCondition, err error) {
	err = r.object("a condition", func(operator string) error {
		return r.object("what an operator compares", func(key string) (err error) {
			c := rawCondition{at: string(r.dec.StackPointer()), operator: operator, key: key}
			c.values, err = r.texts(r.scalar)
			list = append(list, c)
			return err
		})
	})
	return list, err
}

// parent cuts the last part off a JSON pointer.
func parent(pointer string) string { return pointer[:strings.LastIndexByte(pointer, '/')] }
