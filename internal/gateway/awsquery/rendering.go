package awsquery

import (
	"encoding/base64"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
)

// Requests that accept application/json get AWS's JSON rendering of the XML. It is not the JSON protocol: members are
// inside <Action>Response and <Action>Result, maps are lists of Name and Value, some names begin with a
// small letter, and members with nothing in them are null.

// AppendOutputJSON appends the JSON rendering of the response for the output of an action to dst.
func AppendOutputJSON(dst []byte, a *api.Action, out any, requestID string) []byte {
	dst = append(dst, `{"`...)
	dst = append(dst, a.Name...)
	dst = append(dst, `Response":{`...)
	if a.Output != nil {
		dst = append(dst, '"')
		dst = append(dst, a.Name...)
		dst = append(dst, `Result":`...)
		dst = renderStructure(dst, a.Output, out)
		dst = append(dst, ',')
	}
	dst = append(dst, `"ResponseMetadata":{"RequestId":`...)
	dst = renderText(dst, requestID)
	return append(dst, "}}}"...)
}

// AppendErrorJSON appends the JSON rendering of the response for an error to dst.
func AppendErrorJSON(dst []byte, e *api.Error, requestID string) []byte {
	dst = append(dst, `{"Error":{"Type":`...)
	dst = renderText(dst, e.Kind.Fault())
	dst = append(dst, `,"Code":`...)
	dst = renderText(dst, e.Kind.QueryCode)
	dst = append(dst, `,"Message":`...)
	dst = renderText(dst, e.QueryText())
	dst = append(dst, `,"Detail":null},"RequestId":`...)
	dst = renderText(dst, requestID)
	return append(dst, '}')
}

// renderStructure appends the struct that at points to.
func renderStructure(dst []byte, s *api.Shape, at any) []byte {
	dst = append(dst, '{')
	for i := range s.Members {
		if i > 0 {
			dst = append(dst, ',')
		}
		m := &s.Members[i]
		dst = renderText(dst, m.RenderedName)
		dst = append(dst, ':')
		if value := m.At(at); api.Absent(value) {
			dst = append(dst, "null"...)
		} else {
			dst = renderMember(dst, m, value)
		}
	}
	return append(dst, '}')
}

// renderMember appends the field that at points to, which is not absent.
func renderMember(dst []byte, m *api.Member, at any) []byte {
	switch at := at.(type) {
	case *string:
		return renderText(dst, *at)
	case **string:
		return renderText(dst, **at)
	case *int64:
		return strconv.AppendInt(dst, *at, 10)
	case **int64:
		return strconv.AppendInt(dst, **at, 10)
	case *bool:
		return strconv.AppendBool(dst, *at)
	case *[]byte:
		return renderText(dst, base64.StdEncoding.EncodeToString(*at))
	case *[]string:
		return renderItems(dst, len(*at), func(dst []byte, i int) []byte { return renderText(dst, (*at)[i]) })
	case *[][]byte:
		return renderItems(dst, len(*at), func(dst []byte, i int) []byte {
			return renderText(dst, base64.StdEncoding.EncodeToString((*at)[i]))
		})
	case *map[string]string:
		return renderMapping(dst, m, *at, func(dst []byte, v string) []byte { return renderText(dst, v) })
	case *map[string]api.MessageAttributeValue:
		return renderMapping(dst, m, *at, func(dst []byte, v api.MessageAttributeValue) []byte {
			return renderStructure(dst, m.Items, &v)
		})
	case api.List:
		return renderItems(dst, at.Len(), func(dst []byte, i int) []byte { return renderStructure(dst, m.Items, at.Item(i)) })
	}
	panic("awsquery: no output has a member like " + m.Name)
}

// renderItems appends an array of n items.
func renderItems(dst []byte, n int, item func(dst []byte, i int) []byte) []byte {
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = item(dst, i)
	}
	return append(dst, ']')
}

// renderMapping appends an array with an object for every item of a map, in the order of their names.
func renderMapping[V any](dst []byte, m *api.Member, values map[string]V, value func([]byte, V) []byte) []byte {
	names := sortedNames(values)
	return renderItems(dst, len(names), func(dst []byte, i int) []byte {
		dst = append(dst, '{')
		dst = renderText(dst, m.Key)
		dst = append(dst, ':')
		dst = renderText(dst, names[i])
		dst = append(dst, ',')
		dst = renderText(dst, m.Value)
		dst = append(dst, ':')
		dst = value(dst, values[names[i]])
		return append(dst, '}')
	})
}

// renderText appends a JSON string; what is not UTF-8 becomes U+FFFD.
func renderText(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
