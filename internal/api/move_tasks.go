package api

// StartMessageMoveTaskInput is the input of StartMessageMoveTask (reference/sqs.md 4.21).
type StartMessageMoveTaskInput struct {
	SourceArn                    *string
	DestinationArn               *string
	MaxNumberOfMessagesPerSecond *int64
}

var startMessageMoveTaskInput = shape("StartMessageMoveTaskInput",
	scalar("SourceArn", func(s *StartMessageMoveTaskInput) **string { return &s.SourceArn }),
	scalar("DestinationArn", func(s *StartMessageMoveTaskInput) **string { return &s.DestinationArn }),
	scalar("MaxNumberOfMessagesPerSecond", func(s *StartMessageMoveTaskInput) **int64 { return &s.MaxNumberOfMessagesPerSecond }),
)

// StartMessageMoveTaskOutput is the output of StartMessageMoveTask.
type StartMessageMoveTaskOutput struct {
	TaskHandle string
}

var startMessageMoveTaskOutput = shape("StartMessageMoveTaskOutput",
	scalar("TaskHandle", func(s *StartMessageMoveTaskOutput) *string { return &s.TaskHandle }),
)

// CancelMessageMoveTaskInput is the input of CancelMessageMoveTask (reference/sqs.md 4.22).
type CancelMessageMoveTaskInput struct {
	TaskHandle *string
}

var cancelMessageMoveTaskInput = shape("CancelMessageMoveTaskInput",
	scalar("TaskHandle", func(s *CancelMessageMoveTaskInput) **string { return &s.TaskHandle }),
)

// CancelMessageMoveTaskOutput is the output of CancelMessageMoveTask.
type CancelMessageMoveTaskOutput struct {
	ApproximateNumberOfMessagesMoved int64
}

var cancelMessageMoveTaskOutput = shape("CancelMessageMoveTaskOutput",
	scalar("ApproximateNumberOfMessagesMoved", func(s *CancelMessageMoveTaskOutput) *int64 { return &s.ApproximateNumberOfMessagesMoved }),
)

// ListMessageMoveTasksInput is the input of ListMessageMoveTasks (reference/sqs.md 4.23).
type ListMessageMoveTasksInput struct {
	SourceArn  *string
	MaxResults *int64
}

var listMessageMoveTasksInput = shape("ListMessageMoveTasksInput",
	scalar("SourceArn", func(s *ListMessageMoveTasksInput) **string { return &s.SourceArn }),
	scalar("MaxResults", func(s *ListMessageMoveTasksInput) **int64 { return &s.MaxResults }),
)

// ListMessageMoveTasksOutput is the output of ListMessageMoveTasks, most recent task first.
type ListMessageMoveTasksOutput struct {
	Results []ListMessageMoveTasksResultEntry
}

var listMessageMoveTasksOutput = shape("ListMessageMoveTasksOutput",
	records("Results", "ListMessageMoveTasksResultEntry", listMessageMoveTasksResultEntry,
		func(s *ListMessageMoveTasksOutput) *[]ListMessageMoveTasksResultEntry { return &s.Results }),
)

// ListMessageMoveTasksResultEntry is one task. Which members a task has depends on its state and
// on how it was started (reference/sqs.md 4.23).
type ListMessageMoveTasksResultEntry struct {
	TaskHandle                        string // only while RUNNING
	Status                            string // RUNNING, COMPLETED, CANCELLING, CANCELLED or FAILED
	SourceArn                         string
	DestinationArn                    string // only if given at the start
	MaxNumberOfMessagesPerSecond      *int64 // only if given at the start
	ApproximateNumberOfMessagesMoved  int64
	ApproximateNumberOfMessagesToMove *int64
	FailureReason                     string // only if FAILED
	StartedTimestamp                  int64  // milliseconds since 1970
}

var listMessageMoveTasksResultEntry = shape("ListMessageMoveTasksResultEntry",
	scalar("TaskHandle", func(s *ListMessageMoveTasksResultEntry) *string { return &s.TaskHandle }),
	scalar("Status", func(s *ListMessageMoveTasksResultEntry) *string { return &s.Status }),
	scalar("SourceArn", func(s *ListMessageMoveTasksResultEntry) *string { return &s.SourceArn }),
	scalar("DestinationArn", func(s *ListMessageMoveTasksResultEntry) *string { return &s.DestinationArn }),
	scalar("MaxNumberOfMessagesPerSecond", func(s *ListMessageMoveTasksResultEntry) **int64 { return &s.MaxNumberOfMessagesPerSecond }),
	scalar("ApproximateNumberOfMessagesMoved", func(s *ListMessageMoveTasksResultEntry) *int64 { return &s.ApproximateNumberOfMessagesMoved }),
	scalar("ApproximateNumberOfMessagesToMove", func(s *ListMessageMoveTasksResultEntry) **int64 { return &s.ApproximateNumberOfMessagesToMove }),
	scalar("FailureReason", func(s *ListMessageMoveTasksResultEntry) *string { return &s.FailureReason }),
	scalar("StartedTimestamp", func(s *ListMessageMoveTasksResultEntry) *int64 { return &s.StartedTimestamp }),
)
