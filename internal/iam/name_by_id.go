package iam

import (
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// uniqueID is the unique ID of a user or role, or of a role with the name of a session behind it.
var uniqueID = regexp.MustCompile(`^(AIDA[A-Z0-9]{12,124}|AROA[A-Z0-9]{12,124}(:[\w+=,.@-]{2,64})?)$`)

// nameElement is where a principal of the kind AWS stands in a document, as a JSON pointer.
var nameElement = regexp.MustCompile(`^/Statement(/\d+)?/(Not)?Principal/AWS(/\d+)?$`)

// NameByID returns a resource or trust policy in which a user or role is named by its unique ID wherever it was named by its ARN, and sessions
// of the role by the ID and their name. Everything else stays as it was written. It returns false if the document does not name it. Where one means
// the other, the policies decide the same before and after; a later user or role of the same ARN is another one (AWS: a saved policy is about the ID,
// and shows it when the user or role is gone). The result is never longer.
func NameByID(document, arn, id string) (changed string, ok bool) {
	of, err := parseNamed(arn)
	if err != nil || !strings.ContainsRune(document, '\\') && !strings.Contains(document, afterLastSlash(of.name)) {
		return document, false
	}
	var out []byte
	copied := 0
	for dec := jsontext.NewDecoder(strings.NewReader(document)); ; {
		if dec.PeekKind() != '"' {
			if _, err := dec.ReadToken(); err != nil {
				break // the end; what is no policy names nobody
			}
			continue
		}
		text, err := dec.ReadValue()
		if err != nil {
			break
		}
		if !nameElement.MatchString(string(dec.StackPointer())) {
			continue
		}
		name, err := jsontext.AppendUnquote(nil, text)
		if err != nil {
			break
		}
		byID, ok := of.nameByID(string(name), id)
		if !ok {
			continue
		}
		end := int(dec.InputOffset())
		out = append(out, document[copied:end-len(text)]...)
		if out, err = jsontext.AppendQuote(out, byID); err != nil {
			return document, false
		}
		copied = end
	}
	if out == nil {
		return document, false
	}
	return string(out) + document[copied:], true
}

// nameByID returns what stands for a name if that means the user or role n, or a session of the role: see named.covers.
func (n *named) nameByID(name, id string) (string, bool) {
	other, err := compileNamed("AWS", name)
	if err != nil || other.account != n.account {
		return "", false
	}
	switch {
	case n.kind == namesUser && other.kind == namesUser:
		return id, other.name == n.name
	case n.kind == namesRole && other.kind == namesRole:
		return id, afterLastSlash(other.name) == afterLastSlash(n.name)
	case n.kind == namesRole && other.kind == namesSession:
		role, session, _ := strings.Cut(other.name, "/")
		byID := id + ":" + session
		return byID, role == afterLastSlash(n.name) && uniqueID.MatchString(byID) // no session can have another name
	}
	return "", false
}
