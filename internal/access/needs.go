package access

import (
	"maps"
	"slices"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/sqs"
)

// need is one permission that a request takes, and for what.
type need struct {
	permission string // in lower case
	ownerOnly  bool
	// queue need not exist. Where the request names none as it should, the name is empty, which is the name of no queue.
	queue catalog.Key
	// allQueues stands for the name: the permission is for all queues of the account and region.
	allQueues bool
	// tags are those that the request sets, and tagKeys the keys of those that it sets or removes.
	tags    map[string]string
	tagKeys []string
}

// lowered are the permissions of the table of actions in lower case.
var lowered = func() map[string]string {
	m := make(map[string]string)
	for _, a := range api.Actions {
		m[a.Permission] = strings.ToLower(a.Permission)
	}
	return m
}()

// needs appends to dst what a request takes. The error is for the client: the request names no queue at all.
func needs(dst []need, v *catalog.View, c *api.Caller, a *api.Action, in any) ([]need, error) {
	n := need{permission: lowered[a.Permission], ownerOnly: a.OwnerOnly, queue: catalog.Key{Account: c.Account, Region: c.Region}}
	switch in := in.(type) {
	case *api.CreateQueueInput:
		n.queue.Name = nameIn(in.QueueName)
		n.setTags(in.Tags)
		dst = append(dst, n)
		if len(in.Tags) > 0 {
			n.permission = "sqs:tagqueue"
			dst = append(dst, n)
		}
		return dst, nil
	case *api.GetQueueUrlInput:
		if owner := text(in.QueueOwnerAWSAccountId); arn.ValidAccount(owner) {
			n.queue.Account = owner
		}
		n.queue.Name = nameIn(in.QueueName)
		return append(dst, n), nil
	case *api.ListQueuesInput:
		n.allQueues = true
		return append(dst, n), nil
	case *api.ListMessageMoveTasksInput:
		n.queue = n.named(text(in.SourceArn))
		return append(dst, n), nil
	case *api.CancelMessageMoveTaskInput:
		source, _ := sqs.TaskSource(text(in.TaskHandle))
		n.queue = n.named(source)
		return append(dst, n), nil
	case *api.StartMessageMoveTaskInput:
		return needsOfMove(dst, n, v, in), nil
	case *api.TagQueueInput:
		n.setTags(in.Tags)
	case *api.UntagQueueInput:
		n.tagKeys = in.TagKeys
	}
	q, err := arn.OfQueueURL(*a.QueueURL(in), c.Region, c.Account)
	if err != nil {
		return dst, api.QueueDoesNotExist.New()
	}
	n.queue = catalog.Key{Account: q.Account, Region: q.Region, Name: q.Name}
	return append(dst, n), nil
}

// needsOfMove appends what StartMessageMoveTask takes (reference/sqs.md 9.5): besides itself, to take messages out of the source,
// and to put them into the destination. Without one they go back to where they came from: to the queues that have the source as
// their dead-letter queue.
func needsOfMove(dst []need, n need, v *catalog.View, in *api.StartMessageMoveTaskInput) []need {
	n.queue = n.named(text(in.SourceArn))
	dst = append(dst, n)
	for _, permission := range []string{"sqs:receivemessage", "sqs:deletemessage", "sqs:getqueueattributes"} {
		dst = append(dst, need{permission: permission, queue: n.queue})
	}
	const send = "sqs:sendmessage"
	if in.DestinationArn != nil {
		return append(dst, need{permission: send, queue: n.named(*in.DestinationArn)})
	}
	for q := range v.Sources(n.queue, catalog.Key{}) {
		dst = append(dst, need{permission: send, queue: q.Key})
	}
	return dst
}

func (n *need) setTags(tags map[string]string) {
	n.tags, n.tagKeys = tags, slices.Collect(maps.Keys(tags))
}

// named returns the queue that an ARN in a request names.
func (n *need) named(text string) catalog.Key {
	q, err := arn.Parse(text)
	if err != nil {
		return n.queue
	}
	return catalog.Key{Account: q.Account, Region: q.Region, Name: q.Name}
}

// resource is the ARN that policies see.
func (n *need) resource() string {
	name := n.queue.Name
	if n.allQueues {
		name = "*"
	}
	return arn.Queue(n.queue.Region, n.queue.Account, name).String()
}

// nameIn returns the name of a queue in a request; "" for one that no queue can have.
func nameIn(s *string) string {
	if name := text(s); len(name) <= arn.NameMax {
		return name
	}
	return ""
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// Permissions returns the IAM actions of SQS, such as sqs:SendMessage, in the order of their names.
func Permissions() []string { return slices.Sorted(maps.Keys(lowered)) }

// OwnerOnly tells whether an IAM action, in lower case, can be used by the account of the queue alone.
func OwnerOnly(permission string) bool {
	for _, a := range api.Actions {
		if lowered[a.Permission] == permission {
			return a.OwnerOnly
		}
	}
	return false
}
