package awsquery

import (
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
)

func decode(action, form string) (any, error) {
	p, err := Parse("", []byte(form))
	if err != nil {
		return nil, err
	}
	return Decode(api.ActionNamed(action), p)
}

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		name, query, form string
		want              Params
	}{
		{"nothing", "", "", Params{}},
		{"one", "", "a=b", Params{{"a", "b"}}},
		{"query string first", "a=1&b=2", "a=3", Params{{"a", "1"}, {"b", "2"}, {"a", "3"}}},
		{"empty pairs", "", "&&a=b&", Params{{"a", "b"}}},
		{"no value", "", "a&b=", Params{{"a", ""}, {"b", ""}}},
		{"equal signs in a value", "", "a=b=c", Params{{"a", "b=c"}}},
		{"escapes", "a%2eb=%41%C3%a9+%2B%0D%0A%09%00", "", Params{{"a.b", "Aé +\r\n\t\x00"}}},
		{"semicolons are text", "", "a=b;c=d", Params{{"a", "b;c=d"}}},
		{"line ends are text", "", "a=b\r\n", Params{{"a", "b\r\n"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Parse(tc.query, []byte(tc.form))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(param{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, bad := range []string{"a=%", "a=%4", "a=%4g", "%=a", "a=%%41", strings.Repeat("a&", maxParams)} {
		for _, form := range []bool{false, true} {
			query, body := bad, ""
			if form {
				query, body = "", bad
			}
			if _, err := Parse(query, []byte(body)); err == nil || api.AsError(err).Kind != api.MalformedInput {
				t.Errorf("%.20q: got %v", bad, err)
			}
		}
	}
}

func TestDecode(t *testing.T) {
	for _, tc := range []struct {
		name, action, form string
		want               any
	}{
		{"nothing", "ReceiveMessage", "", &api.ReceiveMessageInput{}},
		{"unknown parameters", "ReceiveMessage", "Foo=1&QueueUrl.1=x&MaxNumberOfMessages.x=1&AttributeNameX.1=a", &api.ReceiveMessageInput{}},
		{"names are case-sensitive", "ReceiveMessage", "queueurl=x", &api.ReceiveMessageInput{}},
		{"first of two counts", "ReceiveMessage", "QueueUrl=a&QueueUrl=b", &api.ReceiveMessageInput{QueueUrl: "a"}},
		{"empty is not absent", "SendMessage", "MessageBody=&MessageGroupId=", &api.SendMessageInput{MessageBody: new(""), MessageGroupId: new("")}},
		{"order by index", "UntagQueue", "TagKey.10=c&TagKey.2=b&TagKey.1=a", &api.UntagQueueInput{TagKeys: []string{"a", "b", "c"}}},
		{"singular and plural together", "UntagQueue", "TagKeys.1=a&TagKey.2=b", &api.UntagQueueInput{TagKeys: []string{"a", "b"}}},
		{"same index twice", "UntagQueue", "TagKey.1=a&TagKey.01=b", &api.UntagQueueInput{TagKeys: []string{"a"}}},
		{"no index comes first", "UntagQueue", "TagKey.0=b&TagKey=a", &api.UntagQueueInput{TagKeys: []string{"a", "b"}}},
		{"lone empty value is an empty list", "UntagQueue", "TagKey=", &api.UntagQueueInput{TagKeys: []string{}}},
		{"indexed empty value is an empty string", "UntagQueue", "TagKey.1=", &api.UntagQueueInput{TagKeys: []string{""}}},
		{"absurd indexes", "UntagQueue", "TagKey.99999999999999999999=a&TagKey.-1=b&TagKey..=c&TagKey.1.x=d", &api.UntagQueueInput{TagKeys: []string{}}},
		{"map, lone empty value", "TagQueue", "Tag=", &api.TagQueueInput{Tags: map[string]string{}}},
		{"map, nothing known in an item", "TagQueue", "Tag.1.Foo=a", &api.TagQueueInput{Tags: map[string]string{}}},
		{"attribute without a name", "SendMessage", "MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringListValue.2=b&MessageAttribute.1.Value.StringListValue.1=a",
			&api.SendMessageInput{MessageAttributes: map[string]api.MessageAttributeValue{"": {DataType: new("String"), StringListValues: []string{"a", "b"}}}}},
		{"attribute without a value", "SendMessage", "MessageAttribute.1.Name=a", &api.SendMessageInput{MessageAttributes: map[string]api.MessageAttributeValue{"a": {}}}},
		{"blobs", "SendMessage", "MessageAttribute.1.Name=a&MessageAttribute.1.Value.BinaryValue=&MessageAttribute.1.Value.BinaryListValue.1=AQ==",
			&api.SendMessageInput{MessageAttributes: map[string]api.MessageAttributeValue{"a": {BinaryValue: []byte{}, BinaryListValues: [][]byte{{1}}}}}},
		{"names and attributes do not mix", "ReceiveMessage", "MessageAttributeName.1=a&MessageSystemAttributeName.1=b&AttributeName.1=c",
			&api.ReceiveMessageInput{MessageAttributeNames: []string{"a"}, MessageSystemAttributeNames: []string{"b"}, AttributeNames: []string{"c"}}},
		{"negative number", "SendMessage", "DelaySeconds=-1", &api.SendMessageInput{DelaySeconds: new(int64(-1))}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decode(tc.action, tc.form)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, action, form, want string // want is the whole error
	}{
		{"word for a number", "SendMessage", "DelaySeconds=five", "InvalidParameterValue: Value five for parameter DelaySeconds is invalid. Reason: Must be an integer."},
		{"nothing for a number", "SendMessage", "DelaySeconds=", "InvalidParameterValue: Value  for parameter DelaySeconds is invalid. Reason: Must be an integer."},
		{"fraction", "SendMessage", "DelaySeconds=1.0", "InvalidParameterValue: Value 1.0 for parameter DelaySeconds is invalid. Reason: Must be an integer."},
		{"2^70", "SendMessage", "DelaySeconds=1180591620717411303424", "InvalidParameterValue: Value 1180591620717411303424 for parameter DelaySeconds is invalid. Reason: Must be an integer."},
		{"long and broken", "SendMessage", "DelaySeconds=%FF" + strings.Repeat("1", 1000),
			"InvalidParameterValue: Value \uFFFD" + strings.Repeat("1", 99) + "… for parameter DelaySeconds is invalid. Reason: Must be an integer."},
		{"bad base64", "SendMessage", "MessageAttribute.1.Name=a&MessageAttribute.1.Value.BinaryValue=!", "MalformedInput: The value of BinaryValue is not valid base64."},
		{"attribute without a value", "SetQueueAttributes", "Attribute.Name=Policy", "MissingParameter: The request must contain the parameter Attribute.Value."},
		{"attribute without a name", "SetQueueAttributes", "Attribute.4.Value=1", "MissingParameter: The request must contain the parameter Attribute.4.Name."},
		{"name twice", "TagQueue", "Tag.1.Key=a&Tag.1.Value=&Tag.2.Key=a&Tag.2.Value=", "InvalidParameterValue: Value a for parameter Tag.2.Key is invalid. Reason: The name was given twice."},
		{"message attribute twice", "SendMessage", "MessageAttribute.1.Name=a&MessageAttribute.2.Name=a", "InvalidParameterValue: Value a for parameter MessageAttribute.2.Name is invalid. Reason: The name was given twice."},
		{"broken UTF-8 in a message", "SendMessage", "MessageBody=%ff", api.InvalidMessageContents.New().Error()},
		{"broken UTF-8 in an attribute", "SendMessage", "MessageAttribute.1.Name=%ff", api.InvalidMessageContents.New().Error()},
		{"broken UTF-8 in a list", "UntagQueue", "TagKey.1=%ff", "MalformedInput: The request has text that is not valid Unicode."},
		{"broken UTF-8 in a map", "TagQueue", "Tag.1.Key=%ff&Tag.1.Value=", "MalformedInput: The request has text that is not valid Unicode."},
		{"broken UTF-8 in a map's value", "TagQueue", "Tag.1.Key=a&Tag.1.Value=%ff", "MalformedInput: The request has text that is not valid Unicode."},
		{"broken UTF-8 in the queue", "PurgeQueue", "QueueUrl=%ff", "MalformedInput: The request has text that is not valid Unicode."},
		{"too many entries", "DeleteMessageBatch", many("Entries.%d.Id=a&", 1200),
			"AWS.SimpleQueueService.TooManyEntriesInBatchRequest: Maximum number of entries per request are 10. You have sent 1200."},
		{"too many names", "GetQueueAttributes", many("AttributeName.%d=a&", 1001), "MalformedInput: AttributeNames has 1001 items, more than the 1000 that a request may have."},
		{"too many tags", "TagQueue", many("Tag.%[1]d.Key=%[1]d&Tag.%[1]d.Value=&", 1001), "MalformedInput: Tags has 1001 items, more than the 1000 that a request may have."},
		{"too many attributes", "SendMessage", many("MessageAttribute.%[1]d.Name=%[1]d&", 1001), "MalformedInput: MessageAttributes has 1001 items, more than the 1000 that a request may have."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decode(tc.action, tc.form)
			if err == nil || err.Error() != tc.want || got != nil {
				t.Errorf("got %v, %v\nwant %s", got, err, tc.want)
			}
		})
	}
}

// many repeats a parameter with the indexes 1 to n.
func many(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i+1)
	}
	return b.String()
}

func TestTextInXML(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"plain":              "plain",
		`<a href="x">&'</a>`: `&lt;a href=&quot;x&quot;&gt;&amp;'&lt;/a&gt;`,
		"a\r\n\tb":           "a&#xD;\n\tb",
		"é😀\u2028":           "é😀\u2028",
		"\x00\x08\x1f":       "\uFFFD\uFFFD\uFFFD",
		"a\xffb\xed\xa0\x80": "a\uFFFDb\uFFFD\uFFFD\uFFFD",
		"\uFFFE\uFFFF\uFFFD": "\uFFFD\uFFFD\uFFFD",
		"&&":                 "&amp;&amp;",
	} {
		if got := string(appendText(nil, in)); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestNamespaceFollowsVersion(t *testing.T) {
	for version, want := range map[string]string{
		"": "2012-11-05", "2011-10-01": "2011-10-01", "2012-11-5": "2012-11-05", "2012_11_05": "2012-11-05", `"><a b="`: "2012-11-05", "20a2-11-05": "2012-11-05",
	} {
		if got := string(appendNamespace(nil, version)); got != "http://queue.amazonaws.com/doc/"+want+"/" {
			t.Errorf("%q: %s", version, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, form := range []string{
		"", "QueueUrl=u&MessageBody=a+%2B%0D&DelaySeconds=1&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=AQ%3D%3D",
		"SendMessageBatchRequestEntry.2.Id=1&Entries.1.MessageAttribute.1.Value.StringListValue.1=x", "Attribute.Name=a&Attribute.Value=b", "Tag.1.Key=a&Tags.1.Value=",
		"AttributeName=All&AttributeNames.1=b", "AttributeName=", "a=%", "a=%zz", "MessageBody=%ff", "TagKey.99999999999=1", "TagKey.=1&TagKey..=2&.=3",
	} {
		for i := range api.Actions {
			f.Add(i, form)
		}
	}
	f.Fuzz(func(t *testing.T, action int, form string) {
		p, err := Parse("", []byte(form))
		viaQuery, err2 := Parse(form, nil)
		if (err == nil) != (err2 == nil) || !cmp.Equal(p, viaQuery, cmp.AllowUnexported(param{})) {
			t.Fatalf("a form and a query string differ: %v, %v", p, viaQuery)
		}
		if err != nil {
			if api.AsError(err) == nil {
				t.Errorf("an internal error: %v", err)
			}
			return
		}
		// net/url refuses semicolons, which are text to AWS.
		if values, err := url.ParseQuery(form); err == nil {
			for _, one := range p {
				if values.Get(one.name) != p.Get(one.name) {
					t.Errorf("%q is %q, net/url says %q", one.name, p.Get(one.name), values.Get(one.name))
				}
			}
		}
		if action < 0 || action >= len(api.Actions) {
			return
		}
		if _, err := Decode(api.Actions[action], p); err != nil && api.AsError(err) == nil {
			t.Errorf("an internal error: %v", err)
		}
	})
}

func FuzzTextInXML(f *testing.F) {
	for _, s := range []string{"", "a<b>&\"'\r\n\t", "\x00\xff\uFFFE", "]]>", "é😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := xml.Unmarshal(append(appendText([]byte("<a>"), s), "</a>"...), &got); err != nil {
			t.Fatal(err)
		}
		want := strings.Map(func(r rune) rune {
			if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
				return utf8.RuneError
			}
			return r
		}, s)
		if got != want {
			t.Errorf("%q reads back as %q", s, got)
		}
	})
}
