package api

// AddPermissionInput is the input of AddPermission (reference/sqs.md 4.16).
type AddPermissionInput struct {
	QueueUrl      string
	Label         *string
	AWSAccountIds []string
	Actions       []string
}

var addPermissionInput = shape("AddPermissionInput",
	scalar("QueueUrl", func(s *AddPermissionInput) *string { return &s.QueueUrl }),
	scalar("Label", func(s *AddPermissionInput) **string { return &s.Label }),
	list("AWSAccountIds", "AWSAccountId", func(s *AddPermissionInput) *[]string { return &s.AWSAccountIds }),
	list("Actions", "ActionName", func(s *AddPermissionInput) *[]string { return &s.Actions }),
)

// RemovePermissionInput is the input of RemovePermission (reference/sqs.md 4.17).
type RemovePermissionInput struct {
	QueueUrl string
	Label    *string
}

var removePermissionInput = shape("RemovePermissionInput",
	scalar("QueueUrl", func(s *RemovePermissionInput) *string { return &s.QueueUrl }),
	scalar("Label", func(s *RemovePermissionInput) **string { return &s.Label }),
)
