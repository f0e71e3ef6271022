package api

// TagQueueInput is the input of TagQueue (reference/sqs.md 4.18).
type TagQueueInput struct {
	QueueUrl string
	Tags     map[string]string
}

var tagQueueInput = shape("TagQueueInput",
	scalar("QueueUrl", func(s *TagQueueInput) *string { return &s.QueueUrl }),
	tagged("Tags", func(s *TagQueueInput) *map[string]string { return &s.Tags }),
)

// UntagQueueInput is the input of UntagQueue (reference/sqs.md 4.19).
type UntagQueueInput struct {
	QueueUrl string
	TagKeys  []string
}

var untagQueueInput = shape("UntagQueueInput",
	scalar("QueueUrl", func(s *UntagQueueInput) *string { return &s.QueueUrl }),
	list("TagKeys", "TagKey", func(s *UntagQueueInput) *[]string { return &s.TagKeys }),
)

// ListQueueTagsInput is the input of ListQueueTags (reference/sqs.md 4.20).
type ListQueueTagsInput struct {
	QueueUrl string
}

var listQueueTagsInput = shape("ListQueueTagsInput",
	scalar("QueueUrl", func(s *ListQueueTagsInput) *string { return &s.QueueUrl }),
)

// ListQueueTagsOutput is the output of ListQueueTags.
type ListQueueTagsOutput struct {
	Tags map[string]string
}

var listQueueTagsOutput = shape("ListQueueTagsOutput",
	tagged("Tags", func(s *ListQueueTagsOutput) *map[string]string { return &s.Tags }),
)
