package wire

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Namespaces of the __type of JSON errors.
const (
	modelled = "com.amazonaws.sqs#"
	generic  = "com.amazon.coral.service#"
)

// errorCase is one error that both protocols must answer. Requests may hold {queue}, {queue:form}, {name} and {arn}.
type errorCase struct {
	name    string
	queue   string // attributes of the queue that the requests name
	action  string
	json    string
	form    string
	kind    string // __type
	code    string // in Query, and in x-amzn-query-error
	status  int
	message string
}

var errorCases = []errorCase{
	{
		name: "empty batch", action: "SendMessageBatch",
		json: `{"QueueUrl":"{queue}","Entries":[]}`, form: "QueueUrl={queue:form}&SendMessageBatchRequestEntry=",
		kind: modelled + "EmptyBatchRequest", code: "AWS.SimpleQueueService.EmptyBatchRequest", status: 400,
		message: "There should be at least one SendMessageBatchRequestEntry in the request.",
	},
	{
		name: "batch entry ID", action: "SendMessageBatch",
		json: `{"QueueUrl":"{queue}","Entries":[{"Id":"a b","MessageBody":"m"}]}`,
		form: "QueueUrl={queue:form}&SendMessageBatchRequestEntry.1.Id=a+b&SendMessageBatchRequestEntry.1.MessageBody=m",
		kind: modelled + "InvalidBatchEntryId", code: "AWS.SimpleQueueService.InvalidBatchEntryId", status: 400,
		message: "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
	},
	{
		name: "repeated ID", action: "DeleteMessageBatch",
		json: `{"QueueUrl":"{queue}","Entries":[{"Id":"a","ReceiptHandle":"x"},{"Id":"a","ReceiptHandle":"x"}]}`,
		form: "QueueUrl={queue:form}&DeleteMessageBatchRequestEntry.1.Id=a&DeleteMessageBatchRequestEntry.1.ReceiptHandle=x" +
			"&DeleteMessageBatchRequestEntry.2.Id=a&DeleteMessageBatchRequestEntry.2.ReceiptHandle=x",
		kind: modelled + "BatchEntryIdsNotDistinct", code: "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", status: 400,
		message: "Id a repeated.",
	},
	{
		name: "twenty entries", action: "SendMessageBatch",
		json: `{"QueueUrl":"{queue}","Entries":[` + entries(20, `{"Id":"#","MessageBody":"m"}`, ",") + `]}`,
		form: "QueueUrl={queue:form}&" + entries(20, "SendMessageBatchRequestEntry.#.Id=#&SendMessageBatchRequestEntry.#.MessageBody=m", "&"),
		kind: modelled + "TooManyEntriesInBatchRequest", code: "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", status: 400,
		message: "Maximum number of entries per request are 10. You have sent 20.",
	},
	{
		name: "long batch", action: "SendMessageBatch",
		json: `{"QueueUrl":"{queue}","Entries":[{"Id":"a","MessageBody":"` + strings.Repeat("x", 1<<19) + `"},{"Id":"b","MessageBody":"` + strings.Repeat("x", 1<<19+1) + `"}]}`,
		form: "QueueUrl={queue:form}&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=" + strings.Repeat("x", 1<<19) +
			"&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.MessageBody=" + strings.Repeat("x", 1<<19+1),
		kind: modelled + "BatchRequestTooLong", code: "AWS.SimpleQueueService.BatchRequestTooLong", status: 400,
		message: "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
	},
	{
		name: "receipt handle", action: "DeleteMessage",
		json: `{"QueueUrl":"{queue}","ReceiptHandle":"garbage"}`, form: "QueueUrl={queue:form}&ReceiptHandle=garbage",
		kind: modelled + "ReceiptHandleIsInvalid", code: "ReceiptHandleIsInvalid", status: 404,
		message: `The input receipt handle "garbage" is not a valid receipt handle.`,
	},
	{
		name: "attribute unknown to get", action: "GetQueueAttributes",
		json: `{"QueueUrl":"{queue}","AttributeNames":["Nonsense"]}`, form: "QueueUrl={queue:form}&AttributeName.1=Nonsense",
		kind: modelled + "InvalidAttributeName", code: "InvalidAttributeName", status: 400, message: "Unknown Attribute Nonsense.",
	},
	{
		name: "FifoQueue of a standard queue", action: "CreateQueue",
		json: `{"QueueName":"{name}-x","Attributes":{"FifoQueue":"false"}}`, form: "QueueName={name}-x&Attribute.1.Name=FifoQueue&Attribute.1.Value=false",
		kind: modelled + "InvalidAttributeName", code: "InvalidAttributeName", status: 400, message: "Unknown Attribute FifoQueue.",
	},
	{
		name: "FIFO attribute of a standard queue", action: "CreateQueue",
		json: `{"QueueName":"{name}-x","Attributes":{"DeduplicationScope":"queue"}}`,
		form: "QueueName={name}-x&Attribute.1.Name=DeduplicationScope&Attribute.1.Value=queue",
		kind: modelled + "InvalidAttributeName", code: "InvalidAttributeName", status: 400,
		message: "You can specify the DeduplicationScope only when FifoQueue is set to true.",
	},
	{
		name: "FIFO to standard", queue: `{"FifoQueue":"true"}`, action: "SetQueueAttributes",
		json: `{"QueueUrl":"{queue}","Attributes":{"FifoQueue":"false"}}`,
		form: "QueueUrl={queue:form}&Attribute.1.Name=FifoQueue&Attribute.1.Value=false",
		kind: modelled + "InvalidAttributeValue", code: "InvalidAttributeValue", status: 400,
		message: "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.",
	},
	{
		name: "other attributes", queue: `{"DelaySeconds":"1"}`, action: "CreateQueue",
		json: `{"QueueName":"{name}","Attributes":{"DelaySeconds":"2"}}`, form: "QueueName={name}&Attribute.1.Name=DelaySeconds&Attribute.1.Value=2",
		kind: modelled + "QueueNameExists", code: "QueueAlreadyExists", status: 400,
		message: "A queue already exists with the same name and a different value for attribute DelaySeconds",
	},
	{
		name: "no body", action: "SendMessage",
		json: `{"QueueUrl":"{queue}"}`, form: "QueueUrl={queue:form}",
		kind: generic + "MissingRequiredParameterException", code: "MissingParameter", status: 400,
		message: "The request must contain the parameter MessageBody.",
	},
	{
		name: "no group", queue: `{"FifoQueue":"true"}`, action: "SendMessage",
		json: `{"QueueUrl":"{queue}","MessageBody":"m","MessageDeduplicationId":"d"}`, form: "QueueUrl={queue:form}&MessageBody=m&MessageDeduplicationId=d",
		kind: generic + "MissingRequiredParameterException", code: "MissingParameter", status: 400,
		message: "The request must contain the parameter MessageGroupId.",
	},
	{
		name: "no group in a batch", queue: `{"FifoQueue":"true"}`, action: "SendMessageBatch",
		json: `{"QueueUrl":"{queue}","Entries":[{"Id":"a","MessageBody":"m","MessageDeduplicationId":"d"}]}`,
		form: "QueueUrl={queue:form}&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=m&SendMessageBatchRequestEntry.1.MessageDeduplicationId=d",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "The request must contain the parameter MessageGroupId.",
	},
	{
		name: "no deduplication ID", queue: `{"FifoQueue":"true"}`, action: "SendMessage",
		json: `{"QueueUrl":"{queue}","MessageBody":"m","MessageGroupId":"g"}`, form: "QueueUrl={queue:form}&MessageBody=m&MessageGroupId=g",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
	},
	{
		name: "delay on FIFO", queue: `{"FifoQueue":"true"}`, action: "SendMessage",
		json: `{"QueueUrl":"{queue}","MessageBody":"m","MessageGroupId":"g","MessageDeduplicationId":"d","DelaySeconds":7}`,
		form: "QueueUrl={queue:form}&MessageBody=m&MessageGroupId=g&MessageDeduplicationId=d&DelaySeconds=7",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "Value 7 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
	},
	{
		name: "group ID", action: "SendMessage",
		json: `{"QueueUrl":"{queue}","MessageBody":"m","MessageGroupId":"in ner"}`, form: "QueueUrl={queue:form}&MessageBody=m&MessageGroupId=in+ner",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "Value in ner for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
	},
	{
		name: "long message", queue: `{"MaximumMessageSize":"1024"}`, action: "SendMessage",
		json: `{"QueueUrl":"{queue}","MessageBody":"` + strings.Repeat("x", 1025) + `"}`, form: "QueueUrl={queue:form}&MessageBody=" + strings.Repeat("x", 1025),
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
	},
	{
		name: "forbidden character", action: "SendMessage",
		json: `{"QueueUrl":"{queue}","MessageBody":"\u0008"}`, form: "QueueUrl={queue:form}&MessageBody=%08",
		kind: modelled + "InvalidMessageContents", code: "InvalidMessageContents", status: 400,
	},
	{
		name: "eleven messages", action: "ReceiveMessage",
		json: `{"QueueUrl":"{queue}","MaxNumberOfMessages":11}`, form: "QueueUrl={queue:form}&MaxNumberOfMessages=11",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
	},
	{
		name: "long wait", action: "ReceiveMessage",
		json: `{"QueueUrl":"{queue}","WaitTimeSeconds":21}`, form: "QueueUrl={queue:form}&WaitTimeSeconds=21",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
	},
	{
		name: "label", action: "RemovePermission",
		json: `{"QueueUrl":"{queue}","Label":"none"}`, form: "QueueUrl={queue:form}&Label=none",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "Value none for parameter Label is invalid. Reason: can't find label.",
	},
	{
		name: "move source unknown", action: "StartMessageMoveTask",
		json: `{"SourceArn":"{arn}-none"}`, form: "SourceArn={arn}-none",
		kind: modelled + "ResourceNotFoundException", code: "ResourceNotFoundException", status: 404,
		message: "The resource that you specified for the SourceArn parameter doesn't exist.",
	},
	{
		name: "move source is no dead-letter queue", action: "StartMessageMoveTask",
		json: `{"SourceArn":"{arn}"}`, form: "SourceArn={arn}",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "Source queue must be configured as a Dead Letter Queue.",
	},
	{
		name: "task handle", action: "CancelMessageMoveTask",
		json: `{"TaskHandle":"garbage"}`, form: "TaskHandle=garbage",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
		message: "Value for parameter TaskHandle is invalid.",
	},
	{
		name: "no queue URL", action: "ReceiveMessage", json: `{}`, form: "",
		kind: modelled + "QueueDoesNotExist", code: "AWS.SimpleQueueService.NonExistentQueue", status: 400,
	},
	{
		name: "no queue name", action: "GetQueueUrl", json: `{}`, form: "",
		kind: generic + "InvalidParameterValueException", code: "InvalidParameterValue", status: 400,
	},
}

// entries repeats a text n times with # replaced by 1, 2, 3...
func entries(n int, text, separator string) string {
	var parts []string
	for i := range n {
		number, _ := json.Marshal(i + 1)
		parts = append(parts, strings.ReplaceAll(text, "#", string(number)))
	}
	return strings.Join(parts, separator)
}

func TestErrorsAreTheSameInBothProtocols(t *testing.T) {
	t.Parallel()
	for _, c := range errorCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			queue := newQueue(t, "error", c.queue)
			message := &c.message
			if c.message == "" {
				message = nil
			}
			got := viaJSON(t, c.action, fill(c.json, queue))
			checkJSONError(t, got, c.status, c.kind, c.code, message)
			got = viaQuery(t, c.action, fill(c.form, queue))
			if message != nil {
				checkXML(t, got, c.status, errorXML(c.code, c.message))
			} else if got.status != c.status || !strings.Contains(got.body, "<Code>"+c.code+"</Code>") {
				t.Errorf("Query: %d %s, want %d %s", got.status, got.body, c.status, c.code)
			}
		})
	}
}

// Query mode is asked for by new SDKs; the header of the old code comes either way.
func TestUnknownQueueDiffersByProtocol(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "unknown", "") + "-none"
	text := "The specified queue does not exist."
	for _, mode := range []string{"true", "false"} {
		got := viaJSON(t, "ReceiveMessage", fill(`{"QueueUrl":"{queue}"}`, queue), "x-amzn-query-mode", mode)
		checkJSONError(t, got, 400, modelled+"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", &text)
	}
	got := viaQuery(t, "ReceiveMessage", fill("QueueUrl={queue:form}", queue))
	checkXML(t, got, 400, errorXML("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist for this wsdl version."))
}

func TestPurgeTwice(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "purge", "")
	viaJSON(t, "PurgeQueue", fill(`{"QueueUrl":"{queue}"}`, queue))
	text := fill("Only one PurgeQueue operation on {name} is allowed every 60 seconds.", queue)
	got := viaJSON(t, "PurgeQueue", fill(`{"QueueUrl":"{queue}"}`, queue))
	checkJSONError(t, got, 403, modelled+"PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress", &text)
	got = viaQuery(t, "PurgeQueue", fill("QueueUrl={queue:form}", queue))
	checkXML(t, got, 403, errorXML("AWS.SimpleQueueService.PurgeQueueInProgress", text))
}

// A deleted queue's name is free again after 60 s, or at once on a server that was told so.
func TestRecreateAfterDelete(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "recreate", "")
	viaJSON(t, "DeleteQueue", fill(`{"QueueUrl":"{queue}"}`, queue))
	got := viaJSON(t, "CreateQueue", fill(`{"QueueName":"{name}"}`, queue))
	if os.Getenv("CONFORMANCE_RECREATE_DELAY") == "0" {
		if got.status != 200 {
			t.Errorf("%+v", got)
		}
		return
	}
	text := "You must wait 60 seconds after deleting a queue before you can create another with the same name."
	checkJSONError(t, got, 400, modelled+"QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently", &text)
}
