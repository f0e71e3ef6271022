package sqs

import (
	"encoding/hex"
	"testing"
)

// The vectors of reference/sqs.md 6.4.
func TestAttributesMD5(t *testing.T) {
	str := func(name, value string) messageAttribute { return messageAttribute{name, "String", value} }
	for _, tc := range []struct {
		name       string
		attributes []messageAttribute
		want       string
	}{
		{"none", nil, ""},
		{"number", []messageAttribute{{"timestamp", "Number", "1493147359900"}}, "235c5c510d26fb653d073faed50ae77c"},
		{"short", []messageAttribute{str("k", "x")}, "a45daa70926828a2f0a1db3418e6feb4"},
		{"text", []messageAttribute{str("MyAttribute", "foobar")}, "adb59cd4678ea5a855436b949cd07ab6"},
		{"colour", []messageAttribute{str("color", "blue")}, "da1b33cc3cbfe8b1630921e78e6b9880"},
		{"all types", []messageAttribute{{"blob", "Binary", "\x01\x02\x03"}, str("color", "blue"), {"count", "Number", "3"}}, "d838729972a4b70e2d2acd9d59ac847c"},
		{"three", []messageAttribute{str("General", "Kenobi"), str("Hello", "There"), str("Help.Me", "Me")}, "4c360f3fdafd970e05fae2f149d997f5"},
		{"two of them", []messageAttribute{str("General", "Kenobi"), str("Hello", "There")}, "fca026605781cb4126a1e9044df24232"},
		{"another two", []messageAttribute{str("Hello", "There"), str("Help.Me", "Me")}, "83fee93c1bcd8b9a5a923ffacdc636c7"},
		{"system attribute", []messageAttribute{str(traceHeader, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")}, "5ae4d5d7636402d80f4eb6d213245a88"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := attributesMD5(tc.attributes); got != tc.want {
				t.Errorf("MD5 %s, want %s", got, tc.want)
			}
		})
	}
}

func TestAttributesMD5CoversLabels(t *testing.T) {
	plain := attributesMD5([]messageAttribute{{"a", "String", "1"}})
	labelled := attributesMD5([]messageAttribute{{"a", "String.label", "1"}})
	if plain == labelled {
		t.Error("a label makes no difference")
	}
}

func TestBodyMD5(t *testing.T) {
	c := content{Body: "message"}
	c.encode()
	if got, want := hex.EncodeToString(c.BodyMD5[:]), "78e731027d8fd50ed642340b7c9a63b3"; got != want {
		t.Errorf("MD5 %s, want %s", got, want)
	}
}
