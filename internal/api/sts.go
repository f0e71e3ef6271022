package api

import "context"

// STS is what there is of the AWS Security Token Service: who am I. What is said of [SQS] holds here, too.
type STS interface {
	GetCallerIdentity(ctx context.Context, c *Caller, in *GetCallerIdentityInput) (*GetCallerIdentityOutput, error)
}

// stsActions is the table of actions of STS.
var stsActions = []*Action{
	answering("GetCallerIdentity", getCallerIdentityInput, getCallerIdentityOutput, STS.GetCallerIdentity),
}

// GetCallerIdentityInput is the input of GetCallerIdentity (reference/aws-neighbours.md 4.3).
type GetCallerIdentityInput struct{}

var getCallerIdentityInput = shape("GetCallerIdentityInput")

// GetCallerIdentityOutput is the output of GetCallerIdentity.
type GetCallerIdentityOutput struct {
	Arn, UserId, Account string
}

var getCallerIdentityOutput = shape("GetCallerIdentityOutput",
	scalar("Arn", func(s *GetCallerIdentityOutput) *string { return &s.Arn }),
	scalar("UserId", func(s *GetCallerIdentityOutput) *string { return &s.UserId }),
	scalar("Account", func(s *GetCallerIdentityOutput) *string { return &s.Account }),
)
