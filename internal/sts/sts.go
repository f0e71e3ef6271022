package sts

import (
	"context"
	"time"

	"github.com/staunchmq/staunch/internal/api"
)

// Service is an [api.STS].
type Service struct {
	// Sessions makes temporary credentials. Without it AssumeRole is refused: what a role may do is for policies to say, and where they
	// are not enforced a role would be allowed everything.
	Sessions *Sessions
}

// GetCallerIdentity says who signed the request. It needs no permission.
func (Service) GetCallerIdentity(_ context.Context, c *api.Caller, _ *api.GetCallerIdentityInput) (*api.GetCallerIdentityOutput, error) {
	if c.Principal.Anonymous() {
		return nil, api.MissingAuthenticationToken.New()
	}
	return &api.GetCallerIdentityOutput{Arn: c.Principal.ARN, UserId: c.Principal.UserID, Account: c.Principal.Account}, nil
}

// AssumeRole makes temporary credentials of a role.
func (s Service) AssumeRole(_ context.Context, c *api.Caller, in *api.AssumeRoleInput) (*api.AssumeRoleOutput, error) {
	if s.Sessions == nil {
		return nil, api.UnknownOperation.Newf("AssumeRole needs a server that enforces policies: start it with --auth enforce.")
	}
	if err := unsupported(in); err != nil {
		return nil, err
	}
	want := &AssumeRoleInput{RoleARN: in.RoleArn, RoleSessionName: in.RoleSessionName, Policy: in.Policy, ExternalID: in.ExternalId}
	if in.DurationSeconds != nil {
		if *in.DurationSeconds < sessionSecondsMin {
			return nil, invalid(*in.DurationSeconds, "durationSeconds", "Member must have value greater than or equal to 900")
		}
		want.DurationSeconds = *in.DurationSeconds
	}
	made, err := s.Sessions.AssumeRole(c, want)
	if err != nil {
		return nil, err
	}
	out := &api.AssumeRoleOutput{
		Credentials: []api.Credentials{{
			AccessKeyId: made.AccessKeyID, SecretAccessKey: made.SecretAccessKey, SessionToken: made.SessionToken,
			Expiration: made.Expiration.UTC().Format(time.RFC3339),
		}},
		AssumedRoleUser: []api.AssumedRoleUser{{Arn: made.AssumedRoleARN, AssumedRoleId: made.AssumedRoleID}},
	}
	if size := int64(made.PackedPolicySize); size > 0 {
		out.PackedPolicySize = &size
	}
	return out, nil
}

// unsupported refuses what would change what a session may do, or who it is, and is not built.
func unsupported(in *api.AssumeRoleInput) error {
	for _, member := range []struct {
		name  string
		given bool
	}{
		{"SourceIdentity", in.SourceIdentity != ""}, {"SerialNumber", in.SerialNumber != ""}, {"TokenCode", in.TokenCode != ""},
		{"PolicyArns", in.PolicyArns != nil}, {"Tags", in.Tags != nil}, {"TransitiveTagKeys", in.TransitiveTagKeys != nil},
		{"ProvidedContexts", in.ProvidedContexts != nil},
	} {
		if member.given {
			return ValidationError.Newf("%s is not supported by this server. Send the request without it.", member.name)
		}
	}
	return nil
}
