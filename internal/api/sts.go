package api

import "context"

// STS is what there is of the AWS Security Token Service: who am I, and temporary credentials of a role. What is said of [SQS] holds
// here, too.
type STS interface {
	AssumeRole(ctx context.Context, c *Caller, in *AssumeRoleInput) (*AssumeRoleOutput, error)
	GetCallerIdentity(ctx context.Context, c *Caller, in *GetCallerIdentityInput) (*GetCallerIdentityOutput, error)
}

// stsActions is the table of actions of STS.
var stsActions = []*Action{
	answering("AssumeRole", assumeRoleInput, assumeRoleOutput, STS.AssumeRole),
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

// AssumeRoleInput is the input of AssumeRole (reference/aws-neighbours.md 4.3).
type AssumeRoleInput struct {
	RoleArn         string
	RoleSessionName string // 2 to 64 letters, digits or any of _+=,.@-
	DurationSeconds *int64 // 900 to 43200, and at most the role's longest; nil for 3600
	Policy          string // a session policy of at most 2048 characters; "" for none
	ExternalId      string // 2 to 1224 characters; "" for none

	// What follows is not supported. It is read so that it can be refused.
	SourceIdentity, SerialNumber, TokenCode               string
	PolicyArns, Tags, TransitiveTagKeys, ProvidedContexts []string // not nil if there are any; what they are is not read
}

var assumeRoleInput = shape("AssumeRoleInput",
	scalar("RoleArn", func(s *AssumeRoleInput) *string { return &s.RoleArn }),
	scalar("RoleSessionName", func(s *AssumeRoleInput) *string { return &s.RoleSessionName }),
	scalar("DurationSeconds", func(s *AssumeRoleInput) **int64 { return &s.DurationSeconds }),
	scalar("Policy", func(s *AssumeRoleInput) *string { return &s.Policy }),
	scalar("ExternalId", func(s *AssumeRoleInput) *string { return &s.ExternalId }),
	scalar("SourceIdentity", func(s *AssumeRoleInput) *string { return &s.SourceIdentity }),
	scalar("SerialNumber", func(s *AssumeRoleInput) *string { return &s.SerialNumber }),
	scalar("TokenCode", func(s *AssumeRoleInput) *string { return &s.TokenCode }),
	list("PolicyArns", "PolicyArns.member", func(s *AssumeRoleInput) *[]string { return &s.PolicyArns }),
	list("Tags", "Tags.member", func(s *AssumeRoleInput) *[]string { return &s.Tags }),
	list("TransitiveTagKeys", "TransitiveTagKeys.member", func(s *AssumeRoleInput) *[]string { return &s.TransitiveTagKeys }),
	list("ProvidedContexts", "ProvidedContexts.member", func(s *AssumeRoleInput) *[]string { return &s.ProvidedContexts }),
)

// AssumeRoleOutput is the output of AssumeRole: temporary credentials, and who they stand for. Credentials and AssumedRoleUser are one
// structure each, which in XML is a list of one.
type AssumeRoleOutput struct {
	Credentials      []Credentials
	AssumedRoleUser  []AssumedRoleUser
	PackedPolicySize *int64 // how much of what is allowed the session policy takes, in percent; nil without one
}

var assumeRoleOutput = shape("AssumeRoleOutput",
	records("Credentials", "Credentials", credentials, func(s *AssumeRoleOutput) *[]Credentials { return &s.Credentials }),
	records("AssumedRoleUser", "AssumedRoleUser", assumedRoleUser, func(s *AssumeRoleOutput) *[]AssumedRoleUser { return &s.AssumedRoleUser }),
	scalar("PackedPolicySize", func(s *AssumeRoleOutput) **int64 { return &s.PackedPolicySize }),
)

// Credentials are temporary.
type Credentials struct {
	AccessKeyId, SecretAccessKey, SessionToken string
	Expiration                                 string // RFC 3339, in whole seconds
}

var credentials = shape("Credentials",
	scalar("AccessKeyId", func(s *Credentials) *string { return &s.AccessKeyId }),
	scalar("SecretAccessKey", func(s *Credentials) *string { return &s.SecretAccessKey }),
	scalar("SessionToken", func(s *Credentials) *string { return &s.SessionToken }),
	scalar("Expiration", func(s *Credentials) *string { return &s.Expiration }),
)

// AssumedRoleUser is who temporary credentials stand for.
type AssumedRoleUser struct {
	Arn           string // arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	AssumedRoleId string // AROA...:SESSION
}

var assumedRoleUser = shape("AssumedRoleUser",
	scalar("Arn", func(s *AssumedRoleUser) *string { return &s.Arn }),
	scalar("AssumedRoleId", func(s *AssumedRoleUser) *string { return &s.AssumedRoleId }),
)
