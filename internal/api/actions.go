package api

import (
	"context"
	"fmt"
	"strings"
)

// Level says what an action works on.
type Level int

const (
	// AccountLevel actions take no QueueUrl.
	AccountLevel Level = iota
	// QueueLevel actions work on the queue of their QueueUrl.
	QueueLevel
)

// Action is one row of the table of actions.
type Action struct {
	Name  string
	Level Level
	// RootOnly actions are refused with InvalidAction when a Query request sends them to a
	// queue's URL (reference/sqs.md 1.3). GetQueueUrl is account-level and yet allowed there.
	RootOnly bool
	// CarriesMessages is true for the actions whose input holds message bodies. Text in them that is not
	// Unicode is InvalidMessageContents; elsewhere it is malformed input.
	CarriesMessages bool
	// Permission is the IAM action that a caller must be allowed to use, such as sqs:SendMessage. That of a batch is the one of the
	// action without Batch.
	Permission string
	// OwnerOnly actions can be used by the queue's own account alone, whatever its policy says (reference/sqs.md 11.3).
	OwnerOnly bool
	// Waits is true for the action that may wait long before it answers. It should be told when the client hangs up.
	Waits bool
	// Input describes the input; Output describes the output and is nil for actions without one.
	Input, Output *Shape
	// NewInput returns a pointer to a zero input.
	NewInput func() any
	// QueueURL returns the QueueUrl member of an input made by NewInput, or nil for account-level actions.
	QueueURL func(in any) *string
	// Invoke calls the action's method with an input made by NewInput. service implements the interface of the
	// action's API: [SQS] or [STS]. The output is a pointer to the output's struct, or nil for actions without one.
	Invoke func(ctx context.Context, service any, c *Caller, in any) (out any, err error)
}

// API is one AWS API of the listener. It must not be changed.
type API struct {
	// Service is its name in the scope of credentials.
	Service string
	// Version is the Version parameter of its Query requests.
	Version string
	// Namespace is that of its XML, up to the version.
	Namespace string

	actions map[string]*Action
}

// The APIs that requests can be for.
var (
	SQSAPI = newAPI("sqs", "2012-11-05", "http://queue.amazonaws.com/doc/", Actions)
	STSAPI = newAPI("sts", "2011-06-15", "https://sts.amazonaws.com/doc/", stsActions)
)

func newAPI(service, version, namespace string, actions []*Action) *API {
	a := &API{Service: service, Version: version, Namespace: namespace, actions: make(map[string]*Action, len(actions))}
	for _, action := range actions {
		a.actions[action.Name] = action
	}
	return a
}

// OfVersion returns the API that the Version parameter of a Query request means: SQS if no other has this version.
func OfVersion(version string) *API {
	if version == STSAPI.Version {
		return STSAPI
	}
	return SQSAPI
}

// ActionNamed returns the action with this name, or nil. Names are case-sensitive.
func (a *API) ActionNamed(name string) *Action { return a.actions[name] }

// OnMessages reports whether the action is on messages, rather than on queues and what belongs to them.
func (a *Action) OnMessages() bool {
	switch a.Permission {
	case "sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility":
		return true
	}
	return false
}

// Actions is the table of actions of SQS, in the order of their names. It must not be changed.
var Actions = []*Action{
	ownerOnly(silent("AddPermission", addPermissionInput, SQS.AddPermission)),
	ownerOnly(answering("CancelMessageMoveTask", cancelMessageMoveTaskInput, cancelMessageMoveTaskOutput, SQS.CancelMessageMoveTask)),
	silent("ChangeMessageVisibility", changeMessageVisibilityInput, SQS.ChangeMessageVisibility),
	answering("ChangeMessageVisibilityBatch", changeMessageVisibilityBatchInput, changeMessageVisibilityBatchOutput, SQS.ChangeMessageVisibilityBatch),
	ownerOnly(rootOnly(answering("CreateQueue", createQueueInput, createQueueOutput, SQS.CreateQueue))),
	silent("DeleteMessage", deleteMessageInput, SQS.DeleteMessage),
	answering("DeleteMessageBatch", deleteMessageBatchInput, deleteMessageBatchOutput, SQS.DeleteMessageBatch),
	ownerOnly(silent("DeleteQueue", deleteQueueInput, SQS.DeleteQueue)),
	answering("GetQueueAttributes", getQueueAttributesInput, getQueueAttributesOutput, SQS.GetQueueAttributes),
	answering("GetQueueUrl", getQueueUrlInput, getQueueUrlOutput, SQS.GetQueueUrl),
	answering("ListDeadLetterSourceQueues", listDeadLetterSourceQueuesInput, listDeadLetterSourceQueuesOutput, SQS.ListDeadLetterSourceQueues),
	ownerOnly(answering("ListMessageMoveTasks", listMessageMoveTasksInput, listMessageMoveTasksOutput, SQS.ListMessageMoveTasks)),
	ownerOnly(answering("ListQueueTags", listQueueTagsInput, listQueueTagsOutput, SQS.ListQueueTags)),
	ownerOnly(rootOnly(answering("ListQueues", listQueuesInput, listQueuesOutput, SQS.ListQueues))),
	silent("PurgeQueue", purgeQueueInput, SQS.PurgeQueue),
	waiting(answering("ReceiveMessage", receiveMessageInput, receiveMessageOutput, SQS.ReceiveMessage)),
	ownerOnly(silent("RemovePermission", removePermissionInput, SQS.RemovePermission)),
	carriesMessages(answering("SendMessage", sendMessageInput, sendMessageOutput, SQS.SendMessage)),
	carriesMessages(answering("SendMessageBatch", sendMessageBatchInput, sendMessageBatchOutput, SQS.SendMessageBatch)),
	ownerOnly(silent("SetQueueAttributes", setQueueAttributesInput, SQS.SetQueueAttributes)),
	ownerOnly(answering("StartMessageMoveTask", startMessageMoveTaskInput, startMessageMoveTaskOutput, SQS.StartMessageMoveTask)),
	ownerOnly(silent("TagQueue", tagQueueInput, SQS.TagQueue)),
	ownerOnly(silent("UntagQueue", untagQueueInput, SQS.UntagQueue)),
}

// ActionNamed returns the action of SQS with this name, or nil. Names are case-sensitive.
func ActionNamed(name string) *Action { return SQSAPI.ActionNamed(name) }

// NotUnicode returns the error for text in a request that is not Unicode: broken UTF-8 or
// half of a surrogate pair. Such text is refused whole, never dropped or replaced (reference/sqs.md 6.1).
func (a *Action) NotUnicode() *Error {
	if a.CarriesMessages {
		return InvalidMessageContents.New()
	}
	return MalformedInput.Newf("The request has text that is not valid Unicode.")
}

// answering makes the row of an action with an output.
func answering[S, I, O any](name string, in, out *Shape, method func(S, context.Context, *Caller, *I) (*O, error)) *Action {
	a := newAction[I](name, in)
	a.Output = out
	a.Invoke = func(ctx context.Context, service any, c *Caller, input any) (any, error) {
		output, err := method(service.(S), ctx, c, input.(*I))
		switch {
		case err != nil:
			return nil, err
		case output == nil:
			return nil, fmt.Errorf("%s returned neither output nor error", name)
		}
		return output, nil
	}
	return a
}

// silent makes the row of an action without an output.
func silent[S, I any](name string, in *Shape, method func(S, context.Context, *Caller, *I) error) *Action {
	a := newAction[I](name, in)
	a.Invoke = func(ctx context.Context, service any, c *Caller, input any) (any, error) {
		return nil, method(service.(S), ctx, c, input.(*I))
	}
	return a
}

// newAction makes what all rows share; a QueueUrl in the input makes an action queue-level.
func newAction[I any](name string, in *Shape) *Action {
	a := &Action{Name: name, Permission: "sqs:" + strings.TrimSuffix(name, "Batch"), Input: in, NewInput: func() any { return new(I) }}
	member := in.Member("QueueUrl")
	if member == nil {
		a.QueueURL = func(any) *string { return nil }
		return a
	}
	a.Level = QueueLevel
	a.QueueURL = func(input any) *string { return member.At(input).(*string) }
	return a
}

func ownerOnly(a *Action) *Action {
	a.OwnerOnly = true
	return a
}

func rootOnly(a *Action) *Action {
	a.RootOnly = true
	return a
}

func carriesMessages(a *Action) *Action {
	a.CarriesMessages = true
	return a
}

func waiting(a *Action) *Action {
	a.Waits = true
	return a
}
