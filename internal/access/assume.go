package access

import (
	"errors"
	"fmt"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/iam"
)

// Role is what a caller wants to become.
type Role struct {
	ARN, Account string
	// TrustPolicy is the JSON of the policy that says who may.
	TrustPolicy string
}

// MayAssume decides whether a caller may use sts:AssumeRole for a role: by the role's trust policy and by the caller's own policies.
// keys are condition keys that this request has beside the usual ones, such as sts:ExternalId. It returns nil if the caller may, else
// why not: for logs, not for the caller.
func (a *Authorizer) MayAssume(c *api.Caller, role Role, keys map[string]string) error {
	principal, err := iam.ParsePrincipal(c.Principal.ARN, c.Principal.UserID)
	if err != nil {
		return err
	}
	q := iam.Request{Principal: principal, Action: "sts:assumerole", Resource: role.ARN, ResourceAccount: role.Account, Context: a.context(c)}
	q.Context.Values = make(map[string][]string, len(keys))
	for key, value := range keys {
		q.Context.Values[strings.ToLower(key)] = []string{value}
	}
	trust, err := iam.Parse(role.TrustPolicy, iam.TrustPolicy)
	if err != nil {
		a.log.Error("a role's trust policy cannot be read, so nobody can assume the role; set another one", "role", role.ARN, "error", err)
		return fmt.Errorf("the role's trust policy cannot be read: %w", err)
	}
	d := iam.Decide(&q, &iam.Policies{
		Identity: a.identities.Policies(c.Principal), Session: a.sessions.of(c.Principal.SessionPolicy), Resource: trust.Named("trust policy of " + role.ARN),
	})
	if d.Allowed {
		return nil
	}
	return errors.New(denial(&q, d))
}
