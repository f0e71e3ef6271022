package sqs

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestContentRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := content{
			SenderID:    rapid.String().Draw(t, "sender"),
			TraceHeader: rapid.String().Draw(t, "trace"),
			Body:        rapid.String().Draw(t, "body"),
		}
		for range rapid.IntRange(0, messageAttributesMax).Draw(t, "attributes") {
			want.Attributes = append(want.Attributes, messageAttribute{
				Name:     rapid.String().Draw(t, "name"),
				DataType: rapid.SampledFrom([]string{"String", "Binary", "Number.label"}).Draw(t, "type"),
				Value:    string(rapid.SliceOf(rapid.Byte()).Draw(t, "value")),
			})
		}
		data := want.encode()
		got, err := decodeContent(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("decoded (-want +got):\n%s", diff)
		}
	})
}

// The stored form must not change: messages that are on disk have it.
func TestContentFormat(t *testing.T) {
	c := content{SenderID: "me", TraceHeader: "x", Attributes: []messageAttribute{{"n", "Number", "7"}}, Body: "message"}
	want := "\x01" +
		"\x78\xe7\x31\x02\x7d\x8f\xd5\x0e\xd6\x42\x34\x0b\x7c\x9a\x63\xb3" +
		"\x02me\x01x\x01\x01n\x06Number\x017message"
	if got := string(c.encode()); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDecodeContentRefuses(t *testing.T) {
	valid := (&content{SenderID: "me", Attributes: []messageAttribute{{"a", "String", "v"}}, Body: ""}).encode()
	for _, tc := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"too little", valid[:16]},
		{"another version", append([]byte{2}, valid[1:]...)},
		{"a cut", valid[:len(valid)-1]},
		{"too many attributes", append(bytes.Clone(valid[:17]), 0, 0, messageAttributesMax+1)},
		{"an endless number", append(bytes.Clone(valid[:17]), bytes.Repeat([]byte{0xff}, 20)...)},
		{"a length past the end", append(bytes.Clone(valid[:17]), 9, 'x')},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if c, err := decodeContent(tc.data); !errors.Is(err, errContent) {
				t.Errorf("decoded %+v, %v", c, err)
			}
		})
	}
}

func FuzzDecodeContent(f *testing.F) {
	f.Add((&content{SenderID: "me", TraceHeader: "x", Attributes: []messageAttribute{{"a", "Binary", "\x00"}}, Body: "b"}).encode())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeContent(data)
		if err != nil {
			return
		}
		again, err := decodeContent(c.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("encoding what was decoded changes it:\n%s", diff)
		}
	})
}

func BenchmarkDecodeContent(b *testing.B) {
	data := (&content{SenderID: "AIDAEXAMPLE", Attributes: []messageAttribute{{"a", "String", "v"}, {"b", "String", "v"}}, Body: string(make([]byte, 1024))}).encode()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeContent(data); err != nil {
			b.Fatal(err)
		}
	}
}
