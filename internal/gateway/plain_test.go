package gateway

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRefusePlain(t *testing.T) {
	const text = "The request was not made over HTTPS."
	for name, c := range map[string]struct{ request, kind, body string }{
		"JSON": {
			"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AmazonSQS.ListQueues\r\nContent-Length: 2\r\n\r\n{}", "application/x-amz-json-1.0",
			`{"__type":"com.amazonaws.sqs#InvalidSecurity","message":"` + text + `"}`,
		},
		"Query":            {"GET /?Action=ListQueues HTTP/1.1\r\nHost: x\r\n\r\n", "text/xml", "<Code>InvalidSecurity</Code><Message>" + text + "</Message>"},
		"rendered as JSON": {"GET / HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n", "application/json", `"Code":"InvalidSecurity","Message":"` + text + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			var answer bytes.Buffer
			RefusePlain(&answer, strings.NewReader(c.request))
			r, err := http.ReadResponse(bufio.NewReader(&answer), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || answer.Len() != 0 {
				t.Errorf("%v, %d bytes follow", err, answer.Len())
			}
			if r.StatusCode != 403 || !r.Close || r.Header.Get("Content-Type") != c.kind || !strings.Contains(string(body), c.body) ||
				len(r.Header.Get("X-Amzn-Requestid")) != 36 || r.Header.Get("X-Amzn-Query-Error") != "InvalidSecurity;Sender" {
				t.Errorf("%+v\n%s", r, body)
			}
		})
	}
	var nothing bytes.Buffer
	RefusePlain(&nothing, strings.NewReader("NOT HTTP"))
	if nothing.Len() != 0 {
		t.Errorf("answered %q", nothing.String())
	}
}
