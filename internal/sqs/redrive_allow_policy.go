package sqs

import (
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
)

// Permissions of a RedriveAllowPolicy.
const (
	redriveAllowAll = "allowAll"
	redriveDenyAll  = "denyAll"
	redriveByQueue  = "byQueue"
)

// redriveAllowPolicy says which queues may use a queue as their dead-letter queue.
type redriveAllowPolicy struct {
	Permission string   `json:"redrivePermission"`
	SourceARNs []string `json:"sourceQueueArns"`
}

// parseRedriveAllowPolicy reads a policy, and says false if it is not one of the form that SQS takes.
func parseRedriveAllowPolicy(value string) (p redriveAllowPolicy, ok bool) {
	if err := json.Unmarshal([]byte(value), &p, json.RejectUnknownMembers(true)); err != nil {
		return p, false
	}
	badARN := func(s string) bool { _, err := arn.Parse(s); return err != nil }
	known := p.Permission == redriveAllowAll || p.Permission == redriveDenyAll || p.Permission == redriveByQueue
	return p, known && !slices.ContainsFunc(p.SourceARNs, badARN)
}

// setRedriveAllowPolicy checks a RedriveAllowPolicy (reference/sqs.md 5.4), which is kept as it is; the empty text removes it.
func setRedriveAllowPolicy(e *edit, value string) error {
	const cannot = "Amazon SQS can't create the redrive allow policy"
	bad := func(reason string) error { return api.InvalidValue(value, "RedriveAllowPolicy", cannot+". "+reason) }
	if value == "" {
		e.attributes.RedriveAllowPolicy = ""
		return nil
	}
	p, ok := parseRedriveAllowPolicy(value)
	switch {
	case !ok:
		return api.InvalidParameterValue.Newf("Invalid value for the parameter RedriveAllowPolicy. Reason: %s, as it’s in an unsupported format.", cannot)
	case p.Permission == redriveByQueue && len(p.SourceARNs) == 0:
		return bad("When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.")
	case p.Permission != redriveByQueue && p.SourceARNs != nil:
		return bad("To specify one or more source queue ARNs, you must set redrivePermission to byQueue.")
	case len(p.SourceARNs) > redriveAllowSourceMax:
		return bad("The maximum number of source queue ARNs you can specify is 10.")
	}
	e.attributes.RedriveAllowPolicy = value
	return nil
}

// checkRedriveAllowed checks that the RedriveAllowPolicy of a dead-letter queue lets the queue source use it; value is the
// RedrivePolicy that is being set.
func checkRedriveAllowed(value, allowPolicy string, source catalog.Key) error {
	if allowPolicy == "" {
		return nil
	}
	p, ok := parseRedriveAllowPolicy(allowPolicy)
	isSource := func(s string) bool {
		a, err := arn.Parse(s)
		return err == nil && keyOf(a) == source
	}
	if ok && (p.Permission == redriveAllowAll || p.Permission == redriveByQueue && slices.ContainsFunc(p.SourceARNs, isSource)) {
		return nil
	}
	return badRedrive(value, "The dead-letter queue's redrive allow policy does not allow this queue as a source.")
}
