package gateway

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/staunchmq/staunch/internal/api"
)

// plainBytesMax is how much is read of a request that came without TLS.
const plainBytesMax = 64 << 10

// RefusePlain answers a request that came over plain HTTP where only HTTPS is spoken, in the protocol of the request. Nothing of it is done
// or believed.
func RefusePlain(w io.Writer, request io.Reader) {
	r, err := http.ReadRequest(bufio.NewReader(io.LimitReader(request, plainBytesMax)))
	if err != nil {
		return
	}
	var p protocol = xmlProtocol{}
	switch {
	case r.Header.Get("X-Amz-Target") != "":
		p = jsonProtocol{}
	case acceptsJSON(r.Header):
		p = renderedProtocol{}
	}
	e, id := api.InvalidSecurity.Newf("The request was not made over HTTPS."), newRequestID()
	body := p.appendError(nil, e, id)
	var answer bytes.Buffer
	fmt.Fprintf(&answer, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\nX-Amzn-Requestid: %s\r\nX-Amzn-Query-Error: %s;%s\r\n\r\n%s",
		e.Kind.Status, http.StatusText(e.Kind.Status), p.contentType()[0], len(body), id, e.Kind.QueryCode, e.Kind.Fault(), body)
	_, _ = w.Write(answer.Bytes()) // an error means that the client is gone
}
