package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/gateway/awsjson"
	"github.com/staunchmq/staunch/internal/gateway/awsquery"
)

// The encoders of requests here are as clients have them: they know nothing of the shapes of package api,
// only its structs and the names below, which are those of AWS's model.

// singular has the name of a list or map in Query where it is not the member's.
var singular = map[string]string{
	"Attributes": "Attribute", "Tags": "Tag", "TagKeys": "TagKey", "AttributeNames": "AttributeName",
	"MessageSystemAttributeNames": "MessageSystemAttributeName", "MessageAttributeNames": "MessageAttributeName",
	"MessageAttributes": "MessageAttribute", "MessageSystemAttributes": "MessageSystemAttribute",
	"StringListValues": "StringListValue", "BinaryListValues": "BinaryListValue", "AWSAccountIds": "AWSAccountId", "Actions": "ActionName",
}

// clientEncoder writes one input as JSON and as Query.
type clientEncoder struct {
	action string
	form   url.Values
	plural bool // use the members' names in Query, too
}

// encode returns the JSON value of v, nil if absent, and adds its parameters under prefix.
func (e *clientEncoder) encode(prefix string, v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return e.encode(prefix, v.Elem())
	case reflect.String:
		e.form.Set(prefix, v.String())
		return v.String()
	case reflect.Int64:
		e.form.Set(prefix, fmt.Sprint(v.Int()))
		return v.Int()
	case reflect.Struct:
		return e.structure(prefix, v)
	case reflect.Slice:
		return e.slice(prefix, v)
	case reflect.Map:
		return e.mapping(prefix, v)
	}
	panic(v.Type())
}

func (e *clientEncoder) structure(prefix string, v reflect.Value) any {
	object := map[string]any{}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		parameter := name
		if s, ok := singular[name]; ok && !e.plural {
			parameter = s
		}
		if name == "Entries" && !e.plural {
			parameter = e.action + "RequestEntry"
		}
		if prefix != "" {
			parameter = prefix + "." + parameter
		}
		if e.action == "CreateQueue" && name == "Tags" {
			name = "tags"
		}
		if value := e.encode(parameter, v.Field(i)); value != nil {
			object[name] = value
		}
	}
	return object
}

func (e *clientEncoder) slice(prefix string, v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		text := base64.StdEncoding.EncodeToString(v.Bytes())
		e.form.Set(prefix, text)
		return text
	}
	if v.Len() == 0 {
		e.form.Set(prefix, "")
	}
	list := []any{}
	for i := range v.Len() {
		list = append(list, e.encode(fmt.Sprintf("%s.%d", prefix, 3*i+1), v.Index(i)))
	}
	return list
}

func (e *clientEncoder) mapping(prefix string, v reflect.Value) any {
	if v.IsNil() {
		return nil
	}
	if v.Len() == 0 {
		e.form.Set(prefix, "")
	}
	object := map[string]any{}
	key := "Name"
	if prefix == "Tag" || prefix == "Tags" {
		key = "Key"
	}
	for i, name := range v.MapKeys() {
		item := fmt.Sprintf("%s.%d", prefix, i+1)
		e.form.Set(item+"."+key, name.String())
		object[name.String()] = e.encode(item+".Value", v.MapIndex(name))
	}
	return object
}

// drawInput makes an arbitrary value of an input's type.
func drawInput(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			drawInput(t, v.Elem())
		}
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("a.&=+%;\"\\\r\n\x00é😀\u2028")), 0, 9, -1)).Draw(t, "text"))
	case reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, "byte")))
	case reflect.Struct:
		for i := range v.NumField() {
			drawInput(t, v.Field(i))
		}
	case reflect.Slice:
		if n := rapid.IntRange(-1, 4).Draw(t, "length"); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				drawInput(t, v.Index(i))
				// In Query an entry is there only if one of its members is.
				if v.Index(i).Kind() == reflect.Struct {
					v.Index(i).FieldByName("Id").Set(reflect.ValueOf(new(fmt.Sprint(i))))
				}
			}
			// Neither protocol can say "nothing" inside a list of blobs.
			if v.Type() == reflect.TypeFor[[][]byte]() {
				for i := range n {
					v.Index(i).Set(reflect.ValueOf(append([]byte{}, v.Index(i).Bytes()...)))
				}
			}
		}
	case reflect.Map:
		if n := rapid.IntRange(-1, 3).Draw(t, "size"); n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				drawInput(t, key)
				drawInput(t, value)
				v.SetMapIndex(key, value)
			}
		}
	default:
		panic(v.Type())
	}
}

// checkBothProtocols draws an input and checks that both codecs read it as it was.
func checkBothProtocols(t *rapid.T) {
	a := rapid.SampledFrom(api.Actions).Draw(t, "action")
	want := a.NewInput()
	drawInput(t, reflect.ValueOf(want).Elem())
	e := clientEncoder{action: a.Name, form: url.Values{"Action": {a.Name}}, plural: rapid.Bool().Draw(t, "plural")}
	body, err := json.Marshal(e.encode("", reflect.ValueOf(want)))
	if err != nil {
		t.Fatal(err)
	}

	fromJSON, err := awsjson.Decode(a, body)
	if err != nil {
		t.Fatalf("JSON: %v in %s", err, body)
	}
	if diff := cmp.Diff(want, fromJSON); diff != "" {
		t.Fatalf("JSON: %s\n%s", body, diff)
	}

	params, err := awsquery.Parse("", []byte(e.form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	fromQuery, err := awsquery.Decode(a, params)
	if err != nil {
		t.Fatalf("Query: %v in %s", err, e.form.Encode())
	}
	if diff := cmp.Diff(asInQuery(want), fromQuery); diff != "" {
		t.Fatalf("Query: %s\n%s", e.form.Encode(), diff)
	}
}

// asInQuery changes an input to what Query can say of it: a batch without entries is an empty one.
func asInQuery(in any) any {
	switch in := in.(type) {
	case *api.SendMessageBatchInput:
		if in.Entries == nil {
			in.Entries = []api.SendMessageBatchRequestEntry{}
		}
	case *api.DeleteMessageBatchInput:
		if in.Entries == nil {
			in.Entries = []api.DeleteMessageBatchRequestEntry{}
		}
	case *api.ChangeMessageVisibilityBatchInput:
		if in.Entries == nil {
			in.Entries = []api.ChangeMessageVisibilityBatchRequestEntry{}
		}
	}
	return in
}

func TestProtocolsDecodeEqual(t *testing.T) { rapid.Check(t, checkBothProtocols) }

func FuzzProtocolsDecodeEqual(f *testing.F) { f.Fuzz(rapid.MakeFuzz(checkBothProtocols)) }
