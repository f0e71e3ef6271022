package gateway

import (
	"net/http"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/gateway/awsjson"
	"github.com/staunchmq/staunch/internal/gateway/awsquery"
)

// protocol is a wire format to answer in.
type protocol interface {
	// contentType returns the values of the Content-Type header; they must not be changed.
	contentType() []string
	appendOutput(dst []byte, a *api.Action, out any, requestID string) []byte
	appendError(dst []byte, e *api.Error, requestID string) []byte
	// isQuery is true for the Query protocol in both its renderings.
	isQuery() bool
}

// jsonProtocol is AWS JSON 1.0.
type jsonProtocol struct{}

func (jsonProtocol) contentType() []string { return jsonProtocolType }
func (jsonProtocol) isQuery() bool         { return false }
func (jsonProtocol) appendOutput(dst []byte, a *api.Action, out any, _ string) []byte {
	return awsjson.AppendOutput(dst, a, out)
}
func (jsonProtocol) appendError(dst []byte, e *api.Error, _ string) []byte {
	return awsjson.AppendError(dst, e)
}

// xmlProtocol is AWS Query with XML answers.
type xmlProtocol struct{ version string }

func (xmlProtocol) contentType() []string { return xmlType }
func (xmlProtocol) isQuery() bool         { return true }
func (p xmlProtocol) appendOutput(dst []byte, a *api.Action, out any, requestID string) []byte {
	return awsquery.AppendOutput(dst, a, out, p.version, requestID)
}
func (p xmlProtocol) appendError(dst []byte, e *api.Error, requestID string) []byte {
	return awsquery.AppendError(dst, e, p.version, requestID)
}

// renderedProtocol is AWS Query with the XML rendered as JSON.
type renderedProtocol struct{}

func (renderedProtocol) contentType() []string { return renderedType }
func (renderedProtocol) isQuery() bool         { return true }
func (renderedProtocol) appendOutput(dst []byte, a *api.Action, out any, requestID string) []byte {
	return awsquery.AppendOutputJSON(dst, a, out, requestID)
}
func (renderedProtocol) appendError(dst []byte, e *api.Error, requestID string) []byte {
	return awsquery.AppendErrorJSON(dst, e, requestID)
}

var (
	jsonProtocolType = []string{awsjson.ContentType}
	xmlType          = []string{awsquery.ContentTypeXML}
	renderedType     = []string{awsquery.ContentTypeJSON}
)

// decode chooses the protocol, finds the action and reads its input. It also returns the credential
// that the client states, "" if none. An X-Amz-Target means JSON, whatever the path; a GET, a form,
// or an Action in the URL means Query (reference/sqs.md 1.1).
func (x *exchange) decode() (in any, credential string, err error) {
	if target := x.r.Header.Get("X-Amz-Target"); target != "" {
		x.protocol = jsonProtocol{}
		in, err = x.decodeJSON(target)
		return in, headerCredential(x.r.Header), err
	}
	contentType := x.r.Header.Get("Content-Type")
	switch {
	case x.r.Method == http.MethodGet:
	case x.r.Method != http.MethodPost:
		return nil, "", errNoAction
	case hasMediaType(contentType, "application/x-www-form-urlencoded"):
	case hasMediaType(contentType, awsjson.ContentType):
		x.protocol = jsonProtocol{}
		return nil, "", api.UnknownOperation.Newf("The request has no X-Amz-Target header, which names the action: %s<Action>.", awsjson.TargetPrefix)
	case !strings.Contains(x.r.URL.RawQuery, "Action="):
		return nil, "", errNoAction
	}
	return x.decodeQuery()
}

// decodeJSON reads a request of the JSON protocol.
func (x *exchange) decodeJSON(target string) (in any, err error) {
	name, ok := strings.CutPrefix(target, awsjson.TargetPrefix)
	x.action = api.ActionNamed(name)
	if !ok || x.action == nil {
		x.action = nil
		return nil, invalidAction(target)
	}
	x.setDeaf(!x.action.Waits)
	body := takeBuffer()
	defer body.giveBack()
	if err := x.readBody(body); err != nil {
		return nil, err
	}
	return awsjson.Decode(x.action, body.bytes)
}

// decodeQuery reads a request of the Query protocol.
func (x *exchange) decodeQuery() (in any, credential string, err error) {
	if acceptsJSON(x.r.Header) {
		x.protocol = renderedProtocol{}
	}
	body := takeBuffer()
	defer body.giveBack()
	if err := x.readBody(body); err != nil {
		return nil, "", err
	}
	form := body.bytes
	if x.r.Method == http.MethodGet {
		form = nil // the body is signed, and means nothing
	}
	params, err := awsquery.Parse(x.r.URL.RawQuery, form)
	if err != nil {
		return nil, "", err
	}
	version := params.Get("Version")
	x.api = api.OfVersion(version)
	if version != "" && x.protocol == (xmlProtocol{}) {
		x.protocol = xmlProtocol{version: version}
	}
	name := params.Get("Action")
	switch {
	case name == "" && x.r.Method == http.MethodGet:
		return nil, "", errNoAction
	case name == "":
		return nil, "", api.Missing("Action")
	}
	x.action = x.api.ActionNamed(name)
	if x.action == nil || x.action.RootOnly && x.pathNamesQueue() || x.api == api.STSAPI && x.options.STS == nil {
		return nil, "", invalidAction(name)
	}
	if credential = headerCredential(x.r.Header); credential == "" {
		credential = params.Get("X-Amz-Credential")
	}
	in, err = awsquery.Decode(x.action, params)
	return in, credential, err
}

// pathNamesQueue says whether the request was sent to a queue's URL.
func (x *exchange) pathNamesQueue() bool {
	_, ok := arn.ParseQueuePath(x.r.URL.Path)
	return ok
}

// invalidAction returns the error for an action that does not exist, or not there.
func invalidAction(name string) error {
	if len(name) > 128 {
		name = name[:128] + "…"
	}
	return api.UnknownOperation.Newf("The action %s is not valid for this endpoint.", name)
}

// hasMediaType compares a Content-Type header with a media type, apart from parameters and case.
func hasMediaType(header, mediaType string) bool {
	header, _, _ = strings.Cut(header, ";")
	return strings.EqualFold(strings.TrimSpace(header), mediaType)
}

// acceptsJSON says whether a Query request asks for the JSON rendering.
func acceptsJSON(header http.Header) bool {
	for _, accept := range header["Accept"] {
		if strings.Contains(accept, awsquery.ContentTypeJSON) {
			return true
		}
	}
	return false
}
