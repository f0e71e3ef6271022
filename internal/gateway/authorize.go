package gateway

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
)

// Authorizer decides who may do what.
type Authorizer interface {
	// Authorize returns nil if c may use an action of SQS with this input. An error is for the client, as those of [api.SQS] are. It
	// is called for every request from many goroutines at once, and must neither change nor keep what it is given.
	Authorize(ctx context.Context, c *api.Caller, a *api.Action, in any) error
}

// notYours is why a request is denied where there are no policies.
const notYours = "the queue belongs to another account, and policies are not evaluated"

// authorize refuses what the caller may not do. Without an Authorizer, where signatures are verified, a caller may do everything with
// the queues of its own account and nothing with those of others. Actions of STS take no permission.
func (x *exchange) authorize(c *api.Caller, in any) error {
	switch {
	case x.api != api.SQSAPI:
		return nil
	case x.options.Authorizer != nil:
		return x.options.Authorizer.Authorize(x.r.Context(), c, x.action, in)
	case x.options.Keys == nil:
		return nil
	}
	for i := range x.action.Input.Members {
		m := &x.action.Input.Members[i]
		q, named := queueNamed(m, in)
		if !named || q.Account == "" || q.Account == c.Account {
			continue
		}
		if m.Name == "QueueOwnerAWSAccountId" {
			e := api.QueueDoesNotExist.New() // reference/sqs.md 2.2
			e.Denial = notYours
			return e
		}
		action := "sqs:" + strings.ToLower(x.action.Name)
		e := api.AccessDenied.Newf("User: %s is not authorized to perform: %s on resource: %s because no resource-based policy allows the %s action",
			c.Principal.ARN, action, arn.Queue(c.Region, q.Account, q.Name), action)
		e.Denial = notYours
		return e
	}
	return nil
}

// queueNamed returns the queue that a member of an input names. Its account is "" where the caller's own is meant.
func queueNamed(m *api.Member, in any) (q arn.Ref, named bool) {
	var value string
	var err error
	switch m.Name { // before the value is looked at: most members name none
	case "QueueUrl", "SourceArn", "DestinationArn":
		value = memberText(m, in)
		q, err = arn.ParseQueueURL(value)
	case "QueueOwnerAWSAccountId":
		if value = memberText(m, in); arn.ValidAccount(value) {
			q.Account = value
		}
	case "TaskHandle":
		value = memberText(m, in)
		q, err = queueOfTask(value)
	default:
		return arn.Ref{}, false
	}
	return q, value != "" && err == nil
}

// memberText returns the text that an input has as a member, "" if none.
func memberText(m *api.Member, in any) string {
	switch at := m.At(in).(type) {
	case *string:
		return *at
	case **string:
		if *at != nil {
			return **at
		}
	}
	return ""
}

// queueOfTask reads the queue whose messages a move task moves out of its handle (reference/sqs.md 3.4).
func queueOfTask(handle string) (arn.Ref, error) {
	var task struct {
		SourceARN string `json:"sourceArn"`
	}
	text, err := base64.StdEncoding.DecodeString(handle)
	if err == nil {
		err = json.Unmarshal(text, &task)
	}
	if err != nil {
		return arn.Ref{}, err
	}
	return arn.ParseQueueURL(task.SourceARN)
}
