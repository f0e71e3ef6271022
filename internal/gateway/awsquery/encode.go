package awsquery

import (
	"encoding/base64"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/staunchmq/staunch/internal/api"
)

// Media types of responses.
const (
	ContentTypeXML  = "text/xml"
	ContentTypeJSON = "application/json"
)

// UnknownOperation is the body of the answer to a request that names no action at all; it is
// XML whatever the request accepts.
const UnknownOperation = "<UnknownOperationException/>"

const xmlDeclaration = `<?xml version="1.0"?>`

// AppendOutput appends the XML response for the output of an action to dst. version is the Version parameter of the
// request, which the namespace follows: it tells the API, and may be an older version of SQS.
func AppendOutput(dst []byte, a *api.Action, out any, version, requestID string) []byte {
	dst = append(dst, xmlDeclaration+"<"...)
	dst = append(dst, a.Name...)
	dst = append(dst, `Response xmlns="`...)
	dst = appendNamespace(dst, version)
	dst = append(dst, `">`...)
	if a.Output != nil {
		start := len(dst)
		dst = append(dst, '<')
		dst = append(dst, a.Name...)
		dst = append(dst, "Result>"...)
		content := len(dst)
		dst = appendStructure(dst, a.Output, out)
		if len(dst) == content {
			dst = append(append(dst[:start+1], a.Name...), "Result/>"...)
		} else {
			dst = append(append(append(dst, "</"...), a.Name...), "Result>"...)
		}
	}
	dst = append(dst, "<ResponseMetadata>"...)
	dst = appendElement(dst, "RequestId", requestID)
	dst = append(dst, "</ResponseMetadata></"...)
	dst = append(dst, a.Name...)
	return append(dst, "Response>"...)
}

// AppendError appends the XML response for an error to dst.
func AppendError(dst []byte, e *api.Error, version, requestID string) []byte {
	dst = append(dst, xmlDeclaration+`<ErrorResponse xmlns="`...)
	dst = appendNamespace(dst, version)
	dst = append(dst, `"><Error>`...)
	dst = appendElement(dst, "Type", e.Kind.Fault())
	dst = appendElement(dst, "Code", e.Kind.QueryCode)
	dst = appendElement(dst, "Message", e.QueryText())
	dst = append(dst, "<Detail/></Error>"...)
	dst = appendElement(dst, "RequestId", requestID)
	return append(dst, "</ErrorResponse>"...)
}

// appendNamespace appends the namespace of a version of the API.
func appendNamespace(dst []byte, version string) []byte {
	of := api.OfVersion(version)
	if !isVersion(version) {
		version = of.Version
	}
	dst = append(dst, of.Namespace...)
	dst = append(dst, version...)
	return append(dst, '/')
}

// isVersion says whether s has the form of an API version, 2012-11-05.
func isVersion(s string) bool {
	if len(s) != len("2012-11-05") {
		return false
	}
	for i := range len(s) {
		if isDash := i == 4 || i == 7; isDash && s[i] != '-' || !isDash && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// appendStructure appends the members of the struct that at points to, without those that have nothing in them.
func appendStructure(dst []byte, s *api.Shape, at any) []byte {
	for i := range s.Members {
		m := &s.Members[i]
		if value := m.At(at); !api.Absent(value) {
			dst = appendMember(dst, m, value)
		}
	}
	return dst
}

// appendMember appends the field that at points to, which is not absent. Lists and maps are flattened.
func appendMember(dst []byte, m *api.Member, at any) []byte {
	switch at := at.(type) {
	case *string:
		return appendElement(dst, m.Query, *at)
	case **string:
		return appendElement(dst, m.Query, **at)
	case *int64:
		return appendElement(dst, m.Query, strconv.FormatInt(*at, 10))
	case **int64:
		return appendElement(dst, m.Query, strconv.FormatInt(**at, 10))
	case *bool:
		return appendElement(dst, m.Query, strconv.FormatBool(*at))
	case *[]byte:
		return appendBlob(dst, m.Query, *at)
	case *[]string:
		for _, s := range *at {
			dst = appendElement(dst, m.Query, s)
		}
		return dst
	case *[][]byte:
		for _, data := range *at {
			dst = appendBlob(dst, m.Query, data)
		}
		return dst
	case *map[string]string:
		for _, name := range sortedNames(*at) {
			dst = appendOpen(dst, m.Query)
			dst = appendElement(dst, m.Key, name)
			dst = appendElement(dst, m.Value, (*at)[name])
			dst = appendClose(dst, m.Query)
		}
		return dst
	case *map[string]api.MessageAttributeValue:
		for _, name := range sortedNames(*at) {
			value := (*at)[name]
			dst = appendOpen(dst, m.Query)
			dst = appendElement(dst, m.Key, name)
			dst = appendOpen(dst, m.Value)
			dst = appendStructure(dst, m.Items, &value)
			dst = appendClose(dst, m.Value)
			dst = appendClose(dst, m.Query)
		}
		return dst
	case api.List:
		for i := range at.Len() {
			dst = appendOpen(dst, m.Query)
			dst = appendStructure(dst, m.Items, at.Item(i))
			dst = appendClose(dst, m.Query)
		}
		return dst
	}
	panic("awsquery: no output has a member like " + m.Name)
}

// sortedNames returns the names in a map in their order.
func sortedNames[V any](values map[string]V) []string {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func appendOpen(dst []byte, name string) []byte {
	dst = append(dst, '<')
	dst = append(dst, name...)
	return append(dst, '>')
}

func appendClose(dst []byte, name string) []byte {
	dst = append(dst, '<', '/')
	dst = append(dst, name...)
	return append(dst, '>')
}

// appendElement appends an element with text in it.
func appendElement(dst []byte, name, text string) []byte {
	dst = appendOpen(dst, name)
	dst = appendText(dst, text)
	return appendClose(dst, name)
}

// appendBlob appends an element with base64 in it.
func appendBlob(dst []byte, name string, data []byte) []byte {
	dst = appendOpen(dst, name)
	dst = base64.StdEncoding.AppendEncode(dst, data)
	return appendClose(dst, name)
}

// appendText appends escaped text.
func appendText(dst []byte, text string) []byte {
	done := 0
	for i, r := range text {
		var escaped string
		switch {
		case r == '<':
			escaped = "&lt;"
		case r == '>':
			escaped = "&gt;"
		case r == '&':
			escaped = "&amp;"
		case r == '"':
			escaped = "&quot;"
		case r == '\r':
			escaped = "&#xD;"
		case r < 0x20 && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF, r == 0xFFFD:
			escaped = "\uFFFD" // a real U+FFFD too: broken UTF-8 looks the same here
		default:
			continue
		}
		dst = append(dst, text[done:i]...)
		dst = append(dst, escaped...)
		done = i + width(text[i:])
	}
	return append(dst, text[done:]...)
}

// width returns how many bytes the first rune of text takes.
func width(text string) int {
	_, n := utf8.DecodeRuneInString(text)
	return n
}
