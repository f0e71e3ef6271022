package wire

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	xmlHead   = `<?xml version="1.0"?>`
	namespace = ` xmlns="http://queue.amazonaws.com/doc/2012-11-05/"`

	// The payload hash of a presigned request without a body.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

var (
	requestID = regexp.MustCompile(`<RequestId>[^<]*</RequestId>`)
	between   = regexp.MustCompile(`>\s+<`)
)

// plain makes an XML answer comparable: without request id and without white space between elements. Written out, an
// empty element is the same as an abbreviated one.
func plain(body string) string {
	body = strings.TrimPrefix(body, `<?xml version="1.0" encoding="UTF-8"?>`)
	body = strings.TrimSpace(strings.TrimPrefix(body, xmlHead))
	body = requestID.ReplaceAllString(body, "<RequestId/>")
	body = between.ReplaceAllString(body, "><")
	return regexp.MustCompile(`<(\w+)></(\w+)>`).ReplaceAllString(body, "<$1/>")
}

func checkXML(t *testing.T, got answer, status int, want string) {
	t.Helper()
	if got.status != status || plain(got.body) != want {
		t.Errorf("got %d %s\nwant %d %s", got.status, plain(got.body), status, want)
	}
	if kind := got.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/xml") {
		t.Errorf("Content-Type %q, want text/xml", kind)
	}
	if !uuid.MatchString(got.header.Get("x-amzn-RequestId")) {
		t.Errorf("x-amzn-RequestId %q is no UUID", got.header.Get("x-amzn-RequestId"))
	}
}

// response is the whole XML of a successful answer.
func response(action, result string) string {
	return "<" + action + "Response" + namespace + ">" + result + "<ResponseMetadata><RequestId/></ResponseMetadata></" + action + "Response>"
}

func TestQueryAnswers(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "answers", "")
	url := strings.ReplaceAll(queue, "&", "&amp;")
	for _, c := range []struct{ action, form, result string }{
		{"GetQueueUrl", "QueueName={name}", "<GetQueueUrlResult><QueueUrl>" + url + "</QueueUrl></GetQueueUrlResult>"},
		{"ListQueues", "QueueNamePrefix={name}", "<ListQueuesResult><QueueUrl>" + url + "</QueueUrl></ListQueuesResult>"},
		{"ListQueues", "QueueNamePrefix={name}-none", "<ListQueuesResult/>"},
		{"ReceiveMessage", "QueueUrl={queue:form}", "<ReceiveMessageResult/>"},
		{"SetQueueAttributes", "QueueUrl={queue:form}&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=11", ""},
		{
			"GetQueueAttributes", "QueueUrl={queue:form}&AttributeName.1=VisibilityTimeout",
			"<GetQueueAttributesResult><Attribute><Name>VisibilityTimeout</Name><Value>11</Value></Attribute></GetQueueAttributesResult>",
		},
		{"SetQueueAttributes", "QueueUrl={queue:form}&Attributes.1.Name=VisibilityTimeout&Attributes.1.Value=12", ""},
		{
			"GetQueueAttributes", "QueueUrl={queue:form}&AttributeNames.1=VisibilityTimeout",
			"<GetQueueAttributesResult><Attribute><Name>VisibilityTimeout</Name><Value>12</Value></Attribute></GetQueueAttributesResult>",
		},
		{"SetQueueAttributes", "QueueUrl={queue:form}&Attribute.Name=VisibilityTimeout&Attribute.Value=13", ""},
		{
			"GetQueueAttributes", "QueueUrl={queue:form}&AttributeName=VisibilityTimeout",
			"<GetQueueAttributesResult><Attribute><Name>VisibilityTimeout</Name><Value>13</Value></Attribute></GetQueueAttributesResult>",
		},
		{"TagQueue", "QueueUrl={queue:form}&Tag.1.Key=k&Tag.1.Value=v+%2B+w", ""},
		{
			"ListQueueTags", "QueueUrl={queue:form}",
			"<ListQueueTagsResult><Tag><Key>k</Key><Value>v + w</Value></Tag></ListQueueTagsResult>",
		},
		{"UntagQueue", "QueueUrl={queue:form}&TagKey.1=k", ""},
		{"AddPermission", "QueueUrl={queue:form}&Label=l&AWSAccountId.1=111122223333&ActionName.1=SendMessage", ""},
		{"RemovePermission", "QueueUrl={queue:form}&Label=l", ""},
		{"PurgeQueue", "QueueUrl={queue:form}", ""},
	} {
		t.Run(c.action, func(t *testing.T) {
			checkXML(t, viaQuery(t, c.action, fill(c.form, queue)), 200, response(c.action, c.result))
		})
	}
}

func TestQueryRequestForms(t *testing.T) {
	t.Parallel()
	queue, other := newQueue(t, "forms", ""), newQueue(t, "forms-other", "")
	path := pathOf(t, queue)
	escaped := url.QueryEscape(queue)
	for _, c := range []struct {
		name string
		ask  func() answer
	}{
		{"POST at the root", func() answer {
			return viaQuery(t, "SendMessage", "MessageBody=POST+at+the+root&QueueUrl="+escaped)
		}},
		{"POST at the queue", func() answer { return viaQueryAt(t, path, "SendMessage", "MessageBody=POST%20at%20the%20queue") }},
		{"GET at the root", func() answer {
			return do(t, request(t, "GET", "/?Action=SendMessage&MessageBody=GET%20at%20the%20root&QueueUrl="+escaped, ""))
		}},
		{"GET at the queue", func() answer {
			return do(t, request(t, "GET", path+"?Action=SendMessage&MessageBody=GET%20at%20the%20queue", ""))
		}},
		{"the parameter wins over the path", func() answer {
			return viaQueryAt(t, pathOf(t, other), "SendMessage", "MessageBody=the+parameter+wins+over+the+path&QueueUrl="+escaped)
		}},
		{"name for URL", func() answer { return viaQuery(t, "SendMessage", "MessageBody=name+for+URL&QueueUrl="+nameOf(queue)) }},
		{"form and query string", func() answer {
			return do(t, request(t, "POST", path+"?Action=SendMessage", "MessageBody=form+and+query+string", "Content-Type", formType))
		}},
		{"presigned GET", func() answer { return presigned(t, path+"?Action=SendMessage&MessageBody=presigned%20GET") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.ask(); got.status != 200 || !strings.Contains(got.body, "<MD5OfMessageBody>") {
				t.Fatalf("%+v", got)
			}
			if _, body := receiveOne(t, queue); body != c.name {
				t.Errorf("received %q", body)
			}
		})
	}
	t.Run("GetQueueUrl at another queue", func(t *testing.T) {
		got := viaQueryAt(t, pathOf(t, other), "GetQueueUrl", "QueueName="+nameOf(queue))
		checkXML(t, got, 200, response("GetQueueUrl", "<GetQueueUrlResult><QueueUrl>"+queue+"</QueueUrl></GetQueueUrlResult>"))
	})
}

// presigned sends a GET whose signature is in the query string.
func presigned(t *testing.T, path string) answer {
	t.Helper()
	return send(t, presignedAt(t, path, time.Now()))
}

// presignedAt returns a GET that is valid for a minute.
func presignedAt(t *testing.T, path string, at time.Time) *http.Request {
	t.Helper()
	r := request(t, "GET", path, "")
	query := r.URL.Query()
	query.Set("X-Amz-Expires", "60")
	r.URL.RawQuery = query.Encode()
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials, r, emptyHash, "sqs", region, at)
	if err != nil {
		t.Fatal(err)
	}
	return request(t, "GET", signed, "")
}

func TestQueryMessages(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "messages", "")
	const body = "<a b=\"c\">&amp; 'd'\r\n\te</a>"
	sent := viaQueryAt(t, pathOf(t, queue), "SendMessage", "MessageBody="+url.QueryEscape(body)+
		"&MessageAttribute.1.Name=color&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=blue"+
		"&MessageAttribute.2.Name=count&MessageAttribute.2.Value.DataType=Number&MessageAttribute.2.Value.StringValue=3"+
		"&MessageAttribute.3.Name=blob&MessageAttribute.3.Value.DataType=Binary&MessageAttribute.3.Value.BinaryValue=AQID")
	if !strings.Contains(sent.body, "<MD5OfMessageAttributes>d838729972a4b70e2d2acd9d59ac847c</MD5OfMessageAttributes>") {
		t.Errorf("sent: %s", sent.body)
	}
	got := viaQueryAt(t, pathOf(t, queue), "ReceiveMessage", "AttributeName.1=ApproximateReceiveCount&MessageAttributeName.1=All&WaitTimeSeconds=5")
	for _, want := range []string{
		"<Body>&lt;a b=&quot;c&quot;&gt;&amp;amp; ", "&#xD;", "<ReceiveMessageResult><Message><MessageId>",
		"<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>",
		"<MD5OfMessageAttributes>d838729972a4b70e2d2acd9d59ac847c</MD5OfMessageAttributes>",
		"<BinaryValue>AQID</BinaryValue>", "<StringValue>blue</StringValue>", "<DataType>Number</DataType>",
	} {
		if !strings.Contains(between.ReplaceAllString(got.body, "><"), want) {
			t.Errorf("no %q in %s", want, got.body)
		}
	}
	var parsed struct {
		Message []struct {
			Body string
		} `xml:"ReceiveMessageResult>Message"`
	}
	if err := xml.Unmarshal([]byte(got.body), &parsed); err != nil || len(parsed.Message) != 1 || parsed.Message[0].Body != body {
		t.Errorf("an XML parser reads %q (%v), sent %q", parsed, err, body)
	}
}

func TestQueryBatch(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "batch", "")
	got := viaQueryAt(t, pathOf(t, queue), "SendMessageBatch",
		"SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=m"+
			"&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=m&SendMessageBatchRequestEntry.2.DelaySeconds=901")
	flat := between.ReplaceAllString(got.body, "><")
	for _, want := range []string{
		"<SendMessageBatchResultEntry><Id>a</Id>", "<MD5OfMessageBody>6f8f57715090da2632453988d9a1501b</MD5OfMessageBody>",
		"<BatchResultErrorEntry><Id>b</Id>", "<SenderFault>true</SenderFault>", "<Code>InvalidParameterValue</Code>",
	} {
		if got.status != 200 || !strings.Contains(flat, want) {
			t.Errorf("no %q in %d %s", want, got.status, got.body)
		}
	}
	plural := viaQueryAt(t, pathOf(t, queue), "SendMessageBatch", "Entries.1.Id=a&Entries.1.MessageBody=m")
	if plural.status != 200 || !strings.Contains(plural.body, "<Id>a</Id>") {
		t.Errorf("plural names: %+v", plural)
	}
}

func TestQueryErrorsOfTheEndpoint(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "endpoint", "")
	path := pathOf(t, queue)
	for _, c := range []struct {
		name          string
		got           answer
		code, message string
	}{
		{"unknown action", viaQuery(t, "Nonsense", ""), "InvalidAction", "The action Nonsense is not valid for this endpoint."},
		{
			"CreateQueue at a queue", viaQueryAt(t, path, "CreateQueue", "QueueName=x"), "InvalidAction",
			"The action CreateQueue is not valid for this endpoint.",
		},
		{
			"ListQueues at a queue", viaQueryAt(t, path, "ListQueues", ""), "InvalidAction",
			"The action ListQueues is not valid for this endpoint.",
		},
		{
			"unknown queue in the path", viaQueryAt(t, path+"-none", "ReceiveMessage", ""), "AWS.SimpleQueueService.NonExistentQueue",
			"The specified queue does not exist for this wsdl version.",
		},
		{
			"missing parameter", viaQueryAt(t, path, "SendMessage", ""), "MissingParameter",
			"The request must contain the parameter MessageBody.",
		},
	} {
		t.Run(c.name, func(t *testing.T) { checkXML(t, c.got, 400, errorXML(c.code, c.message)) })
	}
	t.Run("GET of a queue without an action", func(t *testing.T) {
		for _, accept := range []string{"*/*", "application/json"} {
			got := do(t, request(t, "GET", path, "", "Accept", accept))
			if got.status != 404 || plain(got.body) != "<UnknownOperationException/>" {
				t.Errorf("Accept %s: %d %q", accept, got.status, got.body)
			}
		}
	})
}

// errorXML is the whole XML of an error the sender is to blame for.
func errorXML(code, message string) string {
	var escaped strings.Builder
	for _, r := range message {
		switch r {
		case '"':
			escaped.WriteString("&quot;")
		case '<':
			escaped.WriteString("&lt;")
		case '>':
			escaped.WriteString("&gt;")
		case '&':
			escaped.WriteString("&amp;")
		default:
			escaped.WriteRune(r)
		}
	}
	return "<ErrorResponse" + namespace + "><Error><Type>Sender</Type><Code>" + code + "</Code><Message>" + escaped.String() +
		"</Message><Detail/></Error><RequestId/></ErrorResponse>"
}

func TestQueryRendersJSONWhenAsked(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "accept", `{"VisibilityTimeout":"17"}`)
	got := viaQueryAt(t, pathOf(t, queue), "GetQueueAttributes", "AttributeName.1=VisibilityTimeout", "Accept", "application/json")
	want := `{"GetQueueAttributesResponse":{"GetQueueAttributesResult":{"Attributes":[{"Name":"VisibilityTimeout","Value":"17"}]},"ResponseMetadata":{"RequestId":"`
	if got.status != 200 || !strings.HasPrefix(got.body, want) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
