package api

// MessageAttributeValue is the value of a message attribute or, in sends, of a message system
// attribute (reference/sqs.md 6.3). In requests each member is nil when absent. In answers DataType
// and one of StringValue and BinaryValue are set.
type MessageAttributeValue struct {
	StringValue      *string
	BinaryValue      []byte
	StringListValues []string // SQS refuses list values
	BinaryListValues [][]byte
	DataType         *string
}

var messageAttributeValue = shape("MessageAttributeValue",
	scalar("StringValue", func(s *MessageAttributeValue) **string { return &s.StringValue }),
	scalar("BinaryValue", func(s *MessageAttributeValue) *[]byte { return &s.BinaryValue }),
	list("StringListValues", "StringListValue", func(s *MessageAttributeValue) *[]string { return &s.StringListValues }),
	list("BinaryListValues", "BinaryListValue", func(s *MessageAttributeValue) *[][]byte { return &s.BinaryListValues }),
	scalar("DataType", func(s *MessageAttributeValue) **string { return &s.DataType }),
)

// messageAttributes describes a map of message attributes.
func messageAttributes[S any](field func(*S) *map[string]MessageAttributeValue) Member {
	return named("MessageAttributes", "MessageAttribute", messageAttributeValue, field)
}

// messageSystemAttributes describes the map of system attributes of a send.
func messageSystemAttributes[S any](field func(*S) *map[string]MessageAttributeValue) Member {
	return named("MessageSystemAttributes", "MessageSystemAttribute", messageAttributeValue, field)
}

// SendMessageInput is the input of SendMessage (reference/sqs.md 4.9).
type SendMessageInput struct {
	QueueUrl                string
	MessageBody             *string
	DelaySeconds            *int64
	MessageAttributes       map[string]MessageAttributeValue
	MessageSystemAttributes map[string]MessageAttributeValue
	MessageDeduplicationId  *string
	MessageGroupId          *string
}

var sendMessageInput = shape("SendMessageInput",
	scalar("QueueUrl", func(s *SendMessageInput) *string { return &s.QueueUrl }),
	scalar("MessageBody", func(s *SendMessageInput) **string { return &s.MessageBody }),
	scalar("DelaySeconds", func(s *SendMessageInput) **int64 { return &s.DelaySeconds }),
	messageAttributes(func(s *SendMessageInput) *map[string]MessageAttributeValue { return &s.MessageAttributes }),
	messageSystemAttributes(func(s *SendMessageInput) *map[string]MessageAttributeValue { return &s.MessageSystemAttributes }),
	scalar("MessageDeduplicationId", func(s *SendMessageInput) **string { return &s.MessageDeduplicationId }),
	scalar("MessageGroupId", func(s *SendMessageInput) **string { return &s.MessageGroupId }),
)

// SendMessageOutput is the output of SendMessage.
type SendMessageOutput struct {
	MessageId                    string
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string // only with attributes
	MD5OfMessageSystemAttributes string // only with system attributes
	SequenceNumber               string // FIFO only
}

var sendMessageOutput = shape("SendMessageOutput",
	scalar("MessageId", func(s *SendMessageOutput) *string { return &s.MessageId }),
	scalar("MD5OfMessageBody", func(s *SendMessageOutput) *string { return &s.MD5OfMessageBody }),
	scalar("MD5OfMessageAttributes", func(s *SendMessageOutput) *string { return &s.MD5OfMessageAttributes }),
	scalar("MD5OfMessageSystemAttributes", func(s *SendMessageOutput) *string { return &s.MD5OfMessageSystemAttributes }),
	scalar("SequenceNumber", func(s *SendMessageOutput) *string { return &s.SequenceNumber }),
)

// SendMessageBatchInput is the input of SendMessageBatch (reference/sqs.md 4.10).
type SendMessageBatchInput struct {
	QueueUrl string
	// Entries is nil if a JSON request had none; in Query absent means empty.
	Entries []SendMessageBatchRequestEntry
}

var sendMessageBatchInput = shape("SendMessageBatchInput",
	scalar("QueueUrl", func(s *SendMessageBatchInput) *string { return &s.QueueUrl }),
	entries("SendMessageBatchRequestEntry", sendMessageBatchRequestEntry,
		func(s *SendMessageBatchInput) *[]SendMessageBatchRequestEntry { return &s.Entries }),
)

// SendMessageBatchRequestEntry is one message of a SendMessageBatch.
type SendMessageBatchRequestEntry struct {
	Id                      *string
	MessageBody             *string
	DelaySeconds            *int64
	MessageAttributes       map[string]MessageAttributeValue
	MessageSystemAttributes map[string]MessageAttributeValue
	MessageDeduplicationId  *string
	MessageGroupId          *string
}

var sendMessageBatchRequestEntry = shape("SendMessageBatchRequestEntry",
	scalar("Id", func(s *SendMessageBatchRequestEntry) **string { return &s.Id }),
	scalar("MessageBody", func(s *SendMessageBatchRequestEntry) **string { return &s.MessageBody }),
	scalar("DelaySeconds", func(s *SendMessageBatchRequestEntry) **int64 { return &s.DelaySeconds }),
	messageAttributes(func(s *SendMessageBatchRequestEntry) *map[string]MessageAttributeValue { return &s.MessageAttributes }),
	messageSystemAttributes(func(s *SendMessageBatchRequestEntry) *map[string]MessageAttributeValue {
		return &s.MessageSystemAttributes
	}),
	scalar("MessageDeduplicationId", func(s *SendMessageBatchRequestEntry) **string { return &s.MessageDeduplicationId }),
	scalar("MessageGroupId", func(s *SendMessageBatchRequestEntry) **string { return &s.MessageGroupId }),
)

// SendMessageBatchOutput is the output of SendMessageBatch.
type SendMessageBatchOutput struct {
	Successful []SendMessageBatchResultEntry
	Failed     []BatchResultErrorEntry
}

var sendMessageBatchOutput = shape("SendMessageBatchOutput",
	records("Successful", "SendMessageBatchResultEntry", sendMessageBatchResultEntry,
		func(s *SendMessageBatchOutput) *[]SendMessageBatchResultEntry { return &s.Successful }),
	records("Failed", "BatchResultErrorEntry", batchResultErrorEntry,
		func(s *SendMessageBatchOutput) *[]BatchResultErrorEntry { return &s.Failed }),
)

// SendMessageBatchResultEntry is the result of one message that was sent.
type SendMessageBatchResultEntry struct {
	Id                           string
	MessageId                    string
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string
	MD5OfMessageSystemAttributes string
	SequenceNumber               string
}

var sendMessageBatchResultEntry = shape("SendMessageBatchResultEntry",
	scalar("Id", func(s *SendMessageBatchResultEntry) *string { return &s.Id }),
	scalar("MessageId", func(s *SendMessageBatchResultEntry) *string { return &s.MessageId }),
	scalar("MD5OfMessageBody", func(s *SendMessageBatchResultEntry) *string { return &s.MD5OfMessageBody }),
	scalar("MD5OfMessageAttributes", func(s *SendMessageBatchResultEntry) *string { return &s.MD5OfMessageAttributes }),
	scalar("MD5OfMessageSystemAttributes", func(s *SendMessageBatchResultEntry) *string { return &s.MD5OfMessageSystemAttributes }),
	scalar("SequenceNumber", func(s *SendMessageBatchResultEntry) *string { return &s.SequenceNumber }),
)

// BatchResultErrorEntry is the result of one entry of a batch that failed. Code is a query code,
// in JSON too (reference/sqs.md 2.3). [Error.BatchEntry] makes one.
type BatchResultErrorEntry struct {
	Id          string
	SenderFault bool
	Code        string
	Message     string
}

var batchResultErrorEntry = shape("BatchResultErrorEntry",
	scalar("Id", func(s *BatchResultErrorEntry) *string { return &s.Id }),
	scalar("SenderFault", func(s *BatchResultErrorEntry) *bool { return &s.SenderFault }),
	scalar("Code", func(s *BatchResultErrorEntry) *string { return &s.Code }),
	scalar("Message", func(s *BatchResultErrorEntry) *string { return &s.Message }),
)

// ReceiveMessageInput is the input of ReceiveMessage (reference/sqs.md 4.11).
type ReceiveMessageInput struct {
	QueueUrl string
	// AttributeNames is the older name of MessageSystemAttributeNames. Services call
	// WantedSystemAttributes in place of reading either.
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int64
	VisibilityTimeout           *int64
	WaitTimeSeconds             *int64
	ReceiveRequestAttemptId     *string
}

var receiveMessageInput = shape("ReceiveMessageInput",
	scalar("QueueUrl", func(s *ReceiveMessageInput) *string { return &s.QueueUrl }),
	list("AttributeNames", "AttributeName", func(s *ReceiveMessageInput) *[]string { return &s.AttributeNames }),
	list("MessageSystemAttributeNames", "MessageSystemAttributeName", func(s *ReceiveMessageInput) *[]string { return &s.MessageSystemAttributeNames }),
	list("MessageAttributeNames", "MessageAttributeName", func(s *ReceiveMessageInput) *[]string { return &s.MessageAttributeNames }),
	scalar("MaxNumberOfMessages", func(s *ReceiveMessageInput) **int64 { return &s.MaxNumberOfMessages }),
	scalar("VisibilityTimeout", func(s *ReceiveMessageInput) **int64 { return &s.VisibilityTimeout }),
	scalar("WaitTimeSeconds", func(s *ReceiveMessageInput) **int64 { return &s.WaitTimeSeconds }),
	scalar("ReceiveRequestAttemptId", func(s *ReceiveMessageInput) **string { return &s.ReceiveRequestAttemptId }),
)

// WantedSystemAttributes returns the names of the system attributes that the request asks for, in its
// order; it may hold "All" and unknown names. If a request names some under both members, AWS
// lets AttributeNames win in Query and MessageSystemAttributeNames in JSON (reference/sqs.md 1.4).
func (in *ReceiveMessageInput) WantedSystemAttributes(c *Caller) []string {
	first, second := in.MessageSystemAttributeNames, in.AttributeNames
	if c.Query {
		first, second = second, first
	}
	if len(first) > 0 {
		return first
	}
	return second
}

// ReceiveMessageOutput is the output of ReceiveMessage. On FIFO queues the order is that of delivery.
type ReceiveMessageOutput struct {
	Messages []Message
}

var receiveMessageOutput = shape("ReceiveMessageOutput",
	rendered("messages", records("Messages", "Message", message, func(s *ReceiveMessageOutput) *[]Message { return &s.Messages })),
)

// Message is a message as received.
type Message struct {
	MessageId              string
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string // system attributes, only those asked for
	MD5OfMessageAttributes string            // over the attributes returned; only with any
	MessageAttributes      map[string]MessageAttributeValue
}

var message = shape("Message",
	scalar("MessageId", func(s *Message) *string { return &s.MessageId }),
	scalar("ReceiptHandle", func(s *Message) *string { return &s.ReceiptHandle }),
	scalar("MD5OfBody", func(s *Message) *string { return &s.MD5OfBody }),
	scalar("Body", func(s *Message) *string { return &s.Body }),
	named("Attributes", "Attribute", nil, func(s *Message) *map[string]string { return &s.Attributes }),
	scalar("MD5OfMessageAttributes", func(s *Message) *string { return &s.MD5OfMessageAttributes }),
	messageAttributes(func(s *Message) *map[string]MessageAttributeValue { return &s.MessageAttributes }),
)

// DeleteMessageInput is the input of DeleteMessage (reference/sqs.md 4.12).
type DeleteMessageInput struct {
	QueueUrl      string
	ReceiptHandle *string
}

var deleteMessageInput = shape("DeleteMessageInput",
	scalar("QueueUrl", func(s *DeleteMessageInput) *string { return &s.QueueUrl }),
	scalar("ReceiptHandle", func(s *DeleteMessageInput) **string { return &s.ReceiptHandle }),
)

// DeleteMessageBatchInput is the input of DeleteMessageBatch (reference/sqs.md 4.13).
type DeleteMessageBatchInput struct {
	QueueUrl string
	// Entries is nil if a JSON request had none; in Query absent means empty.
	Entries []DeleteMessageBatchRequestEntry
}

var deleteMessageBatchInput = shape("DeleteMessageBatchInput",
	scalar("QueueUrl", func(s *DeleteMessageBatchInput) *string { return &s.QueueUrl }),
	entries("DeleteMessageBatchRequestEntry", deleteMessageBatchRequestEntry,
		func(s *DeleteMessageBatchInput) *[]DeleteMessageBatchRequestEntry { return &s.Entries }),
)

// DeleteMessageBatchRequestEntry is one message of a DeleteMessageBatch.
type DeleteMessageBatchRequestEntry struct {
	Id            *string
	ReceiptHandle *string
}

var deleteMessageBatchRequestEntry = shape("DeleteMessageBatchRequestEntry",
	scalar("Id", func(s *DeleteMessageBatchRequestEntry) **string { return &s.Id }),
	scalar("ReceiptHandle", func(s *DeleteMessageBatchRequestEntry) **string { return &s.ReceiptHandle }),
)

// DeleteMessageBatchOutput is the output of DeleteMessageBatch.
type DeleteMessageBatchOutput struct {
	Successful []DeleteMessageBatchResultEntry
	Failed     []BatchResultErrorEntry
}

var deleteMessageBatchOutput = shape("DeleteMessageBatchOutput",
	records("Successful", "DeleteMessageBatchResultEntry", deleteMessageBatchResultEntry,
		func(s *DeleteMessageBatchOutput) *[]DeleteMessageBatchResultEntry { return &s.Successful }),
	records("Failed", "BatchResultErrorEntry", batchResultErrorEntry,
		func(s *DeleteMessageBatchOutput) *[]BatchResultErrorEntry { return &s.Failed }),
)

// DeleteMessageBatchResultEntry is the result of one message that was deleted.
type DeleteMessageBatchResultEntry struct {
	Id string
}

var deleteMessageBatchResultEntry = shape("DeleteMessageBatchResultEntry",
	scalar("Id", func(s *DeleteMessageBatchResultEntry) *string { return &s.Id }),
)

// ChangeMessageVisibilityInput is the input of ChangeMessageVisibility (reference/sqs.md 4.14).
type ChangeMessageVisibilityInput struct {
	QueueUrl          string
	ReceiptHandle     *string
	VisibilityTimeout *int64
}

var changeMessageVisibilityInput = shape("ChangeMessageVisibilityInput",
	scalar("QueueUrl", func(s *ChangeMessageVisibilityInput) *string { return &s.QueueUrl }),
	scalar("ReceiptHandle", func(s *ChangeMessageVisibilityInput) **string { return &s.ReceiptHandle }),
	scalar("VisibilityTimeout", func(s *ChangeMessageVisibilityInput) **int64 { return &s.VisibilityTimeout }),
)

// ChangeMessageVisibilityBatchInput is the input of ChangeMessageVisibilityBatch (reference/sqs.md 4.15).
type ChangeMessageVisibilityBatchInput struct {
	QueueUrl string
	// Entries is nil if a JSON request had none; in Query absent means empty.
	Entries []ChangeMessageVisibilityBatchRequestEntry
}

var changeMessageVisibilityBatchInput = shape("ChangeMessageVisibilityBatchInput",
	scalar("QueueUrl", func(s *ChangeMessageVisibilityBatchInput) *string { return &s.QueueUrl }),
	entries("ChangeMessageVisibilityBatchRequestEntry", changeMessageVisibilityBatchRequestEntry,
		func(s *ChangeMessageVisibilityBatchInput) *[]ChangeMessageVisibilityBatchRequestEntry {
			return &s.Entries
		}),
)

// ChangeMessageVisibilityBatchRequestEntry is one message of a ChangeMessageVisibilityBatch.
type ChangeMessageVisibilityBatchRequestEntry struct {
	Id                *string
	ReceiptHandle     *string
	VisibilityTimeout *int64
}

var changeMessageVisibilityBatchRequestEntry = shape("ChangeMessageVisibilityBatchRequestEntry",
	scalar("Id", func(s *ChangeMessageVisibilityBatchRequestEntry) **string { return &s.Id }),
	scalar("ReceiptHandle", func(s *ChangeMessageVisibilityBatchRequestEntry) **string { return &s.ReceiptHandle }),
	scalar("VisibilityTimeout", func(s *ChangeMessageVisibilityBatchRequestEntry) **int64 { return &s.VisibilityTimeout }),
)

// ChangeMessageVisibilityBatchOutput is the output of ChangeMessageVisibilityBatch.
type ChangeMessageVisibilityBatchOutput struct {
	Successful []ChangeMessageVisibilityBatchResultEntry
	Failed     []BatchResultErrorEntry
}

var changeMessageVisibilityBatchOutput = shape("ChangeMessageVisibilityBatchOutput",
	records("Successful", "ChangeMessageVisibilityBatchResultEntry", changeMessageVisibilityBatchResultEntry,
		func(s *ChangeMessageVisibilityBatchOutput) *[]ChangeMessageVisibilityBatchResultEntry {
			return &s.Successful
		}),
	records("Failed", "BatchResultErrorEntry", batchResultErrorEntry,
		func(s *ChangeMessageVisibilityBatchOutput) *[]BatchResultErrorEntry { return &s.Failed }),
)

// ChangeMessageVisibilityBatchResultEntry is the result of one message whose visibility timeout was changed.
type ChangeMessageVisibilityBatchResultEntry struct {
	Id string
}

var changeMessageVisibilityBatchResultEntry = shape("ChangeMessageVisibilityBatchResultEntry",
	scalar("Id", func(s *ChangeMessageVisibilityBatchResultEntry) *string { return &s.Id }),
)
