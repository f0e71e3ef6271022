// Package sts is what there is of the AWS Security Token Service on Staunch's listener: GetCallerIdentity, with which the
// AWS CLI, SDKs and Terraform find out whose credentials they have (reference/aws-neighbours.md 4.3). It keeps nothing.
package sts

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
)

// Service is an [api.STS].
type Service struct{}

// GetCallerIdentity says who signed the request. It needs no permission.
func (Service) GetCallerIdentity(_ context.Context, c *api.Caller, _ *api.GetCallerIdentityInput) (*api.GetCallerIdentityOutput, error) {
	if c.Principal.Anonymous() {
		return nil, api.MissingAuthenticationToken.New()
	}
	return &api.GetCallerIdentityOutput{Arn: c.Principal.ARN, UserId: c.Principal.UserID, Account: c.Principal.Account}, nil
}
