package api

// CreateQueueInput is the input of CreateQueue (reference/sqs.md 4.1).
type CreateQueueInput struct {
	QueueName  *string
	Attributes map[string]string
	// Tags is the member "tags", lower-case in JSON.
	Tags map[string]string
}

var createQueueInput = shape("CreateQueueInput",
	scalar("QueueName", func(s *CreateQueueInput) **string { return &s.QueueName }),
	queueAttributes(func(s *CreateQueueInput) *map[string]string { return &s.Attributes }),
	lowerCaseTags(func(s *CreateQueueInput) *map[string]string { return &s.Tags }),
)

// lowerCaseTags describes the one map of tags that is called "tags" in JSON. Query clients
// capitalise it all the same.
func lowerCaseTags[S any](field func(*S) *map[string]string) Member {
	m := tagged("tags", field)
	m.Plural, m.RenderedName = "Tags", "Tags"
	return m
}

// CreateQueueOutput is the output of CreateQueue.
type CreateQueueOutput struct {
	QueueUrl string
}

var createQueueOutput = shape("CreateQueueOutput",
	scalar("QueueUrl", func(s *CreateQueueOutput) *string { return &s.QueueUrl }),
)

// DeleteQueueInput is the input of DeleteQueue (reference/sqs.md 4.2).
type DeleteQueueInput struct {
	QueueUrl string
}

var deleteQueueInput = shape("DeleteQueueInput",
	scalar("QueueUrl", func(s *DeleteQueueInput) *string { return &s.QueueUrl }),
)

// GetQueueUrlInput is the input of GetQueueUrl (reference/sqs.md 4.3).
type GetQueueUrlInput struct {
	QueueName              *string
	QueueOwnerAWSAccountId *string
}

var getQueueUrlInput = shape("GetQueueUrlInput",
	scalar("QueueName", func(s *GetQueueUrlInput) **string { return &s.QueueName }),
	scalar("QueueOwnerAWSAccountId", func(s *GetQueueUrlInput) **string { return &s.QueueOwnerAWSAccountId }),
)

// GetQueueUrlOutput is the output of GetQueueUrl.
type GetQueueUrlOutput struct {
	QueueUrl string
}

var getQueueUrlOutput = shape("GetQueueUrlOutput",
	scalar("QueueUrl", func(s *GetQueueUrlOutput) *string { return &s.QueueUrl }),
)

// ListQueuesInput is the input of ListQueues (reference/sqs.md 4.4).
type ListQueuesInput struct {
	QueueNamePrefix string
	NextToken       *string
	MaxResults      *int64
}

var listQueuesInput = shape("ListQueuesInput",
	scalar("QueueNamePrefix", func(s *ListQueuesInput) *string { return &s.QueueNamePrefix }),
	scalar("NextToken", func(s *ListQueuesInput) **string { return &s.NextToken }),
	scalar("MaxResults", func(s *ListQueuesInput) **int64 { return &s.MaxResults }),
)

// ListQueuesOutput is the output of ListQueues.
type ListQueuesOutput struct {
	QueueUrls []string
	NextToken string
}

var listQueuesOutput = shape("ListQueuesOutput",
	rendered("queueUrls", list("QueueUrls", "QueueUrl", func(s *ListQueuesOutput) *[]string { return &s.QueueUrls })),
	scalar("NextToken", func(s *ListQueuesOutput) *string { return &s.NextToken }),
)

// ListDeadLetterSourceQueuesInput is the input of ListDeadLetterSourceQueues (reference/sqs.md 4.5).
type ListDeadLetterSourceQueuesInput struct {
	QueueUrl   string
	NextToken  *string
	MaxResults *int64
}

var listDeadLetterSourceQueuesInput = shape("ListDeadLetterSourceQueuesInput",
	scalar("QueueUrl", func(s *ListDeadLetterSourceQueuesInput) *string { return &s.QueueUrl }),
	scalar("NextToken", func(s *ListDeadLetterSourceQueuesInput) **string { return &s.NextToken }),
	scalar("MaxResults", func(s *ListDeadLetterSourceQueuesInput) **int64 { return &s.MaxResults }),
)

// ListDeadLetterSourceQueuesOutput is the output of ListDeadLetterSourceQueues.
type ListDeadLetterSourceQueuesOutput struct {
	// QueueUrls is the member "queueUrls", with a lower-case q in JSON.
	QueueUrls []string
	NextToken string
}

var listDeadLetterSourceQueuesOutput = shape("ListDeadLetterSourceQueuesOutput",
	list("queueUrls", "QueueUrl", func(s *ListDeadLetterSourceQueuesOutput) *[]string { return &s.QueueUrls }),
	scalar("NextToken", func(s *ListDeadLetterSourceQueuesOutput) *string { return &s.NextToken }),
)

// GetQueueAttributesInput is the input of GetQueueAttributes (reference/sqs.md 4.6).
type GetQueueAttributesInput struct {
	QueueUrl       string
	AttributeNames []string
}

var getQueueAttributesInput = shape("GetQueueAttributesInput",
	scalar("QueueUrl", func(s *GetQueueAttributesInput) *string { return &s.QueueUrl }),
	list("AttributeNames", "AttributeName", func(s *GetQueueAttributesInput) *[]string { return &s.AttributeNames }),
)

// GetQueueAttributesOutput is the output of GetQueueAttributes.
type GetQueueAttributesOutput struct {
	Attributes map[string]string
}

var getQueueAttributesOutput = shape("GetQueueAttributesOutput",
	named("Attributes", "Attribute", nil, func(s *GetQueueAttributesOutput) *map[string]string { return &s.Attributes }),
)

// SetQueueAttributesInput is the input of SetQueueAttributes (reference/sqs.md 4.7).
type SetQueueAttributesInput struct {
	QueueUrl   string
	Attributes map[string]string
}

var setQueueAttributesInput = shape("SetQueueAttributesInput",
	scalar("QueueUrl", func(s *SetQueueAttributesInput) *string { return &s.QueueUrl }),
	queueAttributes(func(s *SetQueueAttributesInput) *map[string]string { return &s.Attributes }),
)

// PurgeQueueInput is the input of PurgeQueue (reference/sqs.md 4.8).
type PurgeQueueInput struct {
	QueueUrl string
}

var purgeQueueInput = shape("PurgeQueueInput",
	scalar("QueueUrl", func(s *PurgeQueueInput) *string { return &s.QueueUrl }),
)
