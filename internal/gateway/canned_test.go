package gateway

import (
	"context"
	"errors"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
)

// canned is a service that answers by the name of the queue: "empty" has nothing to tell, "full" has a
// value in every member, "missing" does not exist, and so on.
func canned(_ context.Context, action string, c *api.Caller, in any) (any, error) {
	url := api.ActionNamed(action).QueueURL(in)
	name := ""
	if url != nil {
		name = (*url)[strings.LastIndexByte(*url, '/')+1:]
		if name == "" {
			return nil, api.QueueDoesNotExist.New()
		}
	}
	switch name {
	case "missing":
		return nil, api.QueueDoesNotExist.New()
	case "bad-handle":
		return nil, api.ReceiptHandleIsInvalid.Newf("The input receipt handle \"%s\" is not a valid receipt handle.", "<x&y>\r\x00\xff")
	case "internal":
		return nil, errors.New("open /secret/path: no such file")
	case "panic":
		panic("index out of range")
	case "empty":
		return nil, nil
	}
	return cannedOutputs(c)[action], nil
}

// cannedOutputs returns an output with a value in every member for every action that has one.
func cannedOutputs(c *api.Caller) map[string]any {
	failed := []api.BatchResultErrorEntry{
		api.InvalidMessageContents.New().BatchEntry("2"),
		{Id: "3", Code: "InternalFailure"},
	}
	return map[string]any{
		"CreateQueue":                &api.CreateQueueOutput{QueueUrl: c.BaseURL + "/" + c.Account + "/full"},
		"GetQueueUrl":                &api.GetQueueUrlOutput{QueueUrl: c.BaseURL + "/" + c.Account + "/full"},
		"ListQueues":                 &api.ListQueuesOutput{QueueUrls: []string{c.BaseURL + "/1", c.BaseURL + "/2"}, NextToken: "next"},
		"ListDeadLetterSourceQueues": &api.ListDeadLetterSourceQueuesOutput{QueueUrls: []string{c.BaseURL + "/1"}, NextToken: "next"},
		"GetQueueAttributes":         &api.GetQueueAttributesOutput{Attributes: map[string]string{"VisibilityTimeout": "30", "Policy": `{"a":"<&>"}`}},
		"ListQueueTags":              &api.ListQueueTagsOutput{Tags: map[string]string{"team": "blue", "empty": ""}},
		"SendMessage": &api.SendMessageOutput{MessageId: "id", MD5OfMessageBody: "md5", MD5OfMessageAttributes: "md5a",
			MD5OfMessageSystemAttributes: "md5s", SequenceNumber: "18849496460467696128"},
		"SendMessageBatch": &api.SendMessageBatchOutput{
			Successful: []api.SendMessageBatchResultEntry{{Id: "1", MessageId: "id", MD5OfMessageBody: "md5", MD5OfMessageAttributes: "md5a",
				MD5OfMessageSystemAttributes: "md5s", SequenceNumber: "18849496460467696128"}},
			Failed: failed,
		},
		"ReceiveMessage": &api.ReceiveMessageOutput{Messages: []api.Message{
			{
				MessageId: "id", ReceiptHandle: "AQEB", MD5OfBody: "md5", Body: "<a b=\"c\">&'\r\n\t é😀\u2028",
				Attributes: map[string]string{"SentTimestamp": "1700000000000", "ApproximateReceiveCount": "1"}, MD5OfMessageAttributes: "md5a",
				MessageAttributes: map[string]api.MessageAttributeValue{
					"n": {StringValue: new("1"), DataType: new("Number")},
					"b": {BinaryValue: []byte{1, 2, 3}, DataType: new("Binary")},
				},
			},
			{MessageId: "id2", ReceiptHandle: "AQEC", MD5OfBody: "md5", Body: " "},
		}},
		"DeleteMessageBatch": &api.DeleteMessageBatchOutput{Successful: []api.DeleteMessageBatchResultEntry{{Id: "1"}}, Failed: failed},
		"ChangeMessageVisibilityBatch": &api.ChangeMessageVisibilityBatchOutput{
			Successful: []api.ChangeMessageVisibilityBatchResultEntry{{Id: "1"}}, Failed: failed},
		"StartMessageMoveTask":  &api.StartMessageMoveTaskOutput{TaskHandle: "eyJ0"},
		"CancelMessageMoveTask": &api.CancelMessageMoveTaskOutput{},
		"ListMessageMoveTasks": &api.ListMessageMoveTasksOutput{Results: []api.ListMessageMoveTasksResultEntry{
			{TaskHandle: "eyJ0", Status: "RUNNING", SourceArn: "arn:s", DestinationArn: "arn:d", MaxNumberOfMessagesPerSecond: new(int64(1)),
				ApproximateNumberOfMessagesMoved: 3, ApproximateNumberOfMessagesToMove: new(int64(10)), StartedTimestamp: 1700000000000},
			{Status: "FAILED", SourceArn: "arn:s", FailureReason: "AWS.SimpleQueueService.NonExistentQueue", StartedTimestamp: 1700000000000},
		}},
	}
}
