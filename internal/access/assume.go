package access

import (
	"context"
	"log/slog"
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

// MayAssume tells whether a caller may use sts:AssumeRole for a role: by the role's trust policy and by the caller's own policies.
// keys are condition keys that this request has beside the usual ones, such as sts:ExternalId. What is denied is logged.
func (a *Authorizer) MayAssume(ctx context.Context, c *api.Caller, role Role, keys map[string]string) bool {
	principal, err := iam.ParsePrincipal(c.Principal.ARN, c.Principal.UserID)
	if err != nil {
		return false
	}
	q := iam.Request{Principal: principal, Action: "sts:assumerole", Resource: role.ARN, ResourceAccount: role.Account, Context: a.context(c)}
	q.Context.Values = make(map[string][]string, len(keys))
	for key, value := range keys {
		q.Context.Values[strings.ToLower(key)] = []string{value}
	}
	trust, err := iam.Parse(role.TrustPolicy, iam.TrustPolicy)
	if err != nil {
		a.log.Error("a role's trust policy cannot be read, so nobody can assume the role; set another one", "role", role.ARN, "error", err)
		return false
	}
	d := iam.Decide(&q, &iam.Policies{
		Identity: a.identities.Policies(c.Principal), Session: a.sessions.of(c.Principal.SessionPolicy), Resource: trust.Named("trust policy of " + role.ARN),
	})
	if !d.Allowed {
		a.logDenied(ctx, c, &q, d)
	}
	return d.Allowed
}

// logDenied logs a denied role with the statement that decided; none did where nothing allowed it.
func (a *Authorizer) logDenied(ctx context.Context, c *api.Caller, q *iam.Request, d iam.Decision) {
	principal := q.Principal.ARN
	if principal == "" {
		principal = "anonymous"
	}
	a.log.LogAttrs(context.WithoutCancel(ctx), slog.LevelInfo, "request denied",
		slog.String("request_id", c.RequestID), slog.String("action", "AssumeRole"), slog.String("principal", principal),
		slog.String("permission", q.Action), slog.String("resource", q.Resource), slog.String("source_ip", c.SourceIP),
		slog.String("reason", d.Reason.String()), slog.String("statement", d.By.String()))
}
