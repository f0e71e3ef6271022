package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/staunchmq/staunch/internal/api"
)

// setUp creates the queues, as a client would: what a crash prevents is left for clients to do later, or never.
func (w *world) setUp() {
	attempt := func(begin func()) {
		for !w.node.started() && len(w.violations) == 0 {
			w.advance()
		}
		if len(w.violations) > 0 {
			return
		}
		begin()
		for len(w.running) > 0 && len(w.violations) == 0 {
			w.advance()
		}
	}
	w.settingUp = true
	for q := range queueCount {
		attempt(func() { w.create(q, map[string]string{}) })
	}
	attempt(func() { w.set(orders, w.redrive(orders, dead, 1+w.rng.IntN(4))) })
	attempt(func() { w.set(line, w.redrive(line, deadFIFO, 1+w.rng.IntN(4))) })
	w.settingUp = false
}

// create begins a CreateQueue.
func (w *world) create(q int, attributes map[string]string) {
	if isFIFO(q) {
		attributes["FifoQueue"] = "true"
	}
	o := &operation{action: "CreateQueue", about: queueNames[q]}
	in := &api.CreateQueueInput{QueueName: &queueNames[q], Attributes: attributes}
	w.launch(o, func(ctx context.Context, service api.SQS) error {
		_, err := service.CreateQueue(ctx, w.caller, in)
		return err
	})
}

func (w *world) createAny() { w.create(w.rng.IntN(queueCount), map[string]string{}) }

// redrive is the redrive policy from one queue to another, and notes that there may be one.
func (w *world) redrive(from, to, maxReceives int) map[string]string {
	w.edges[from][to] = true
	w.dead[from] = true
	w.maxReceives[from] = min(w.maxReceives[from], maxReceives)
	return map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":%d}`, arnOf(to), maxReceives)}
}

// set begins a SetQueueAttributes.
func (w *world) set(q int, attributes map[string]string) {
	var text string
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		text += " " + name + "=" + attributes[name]
	}
	o := &operation{action: "SetQueueAttributes", about: queueNames[q] + text}
	in := &api.SetQueueAttributesInput{QueueUrl: urlOf(q), Attributes: attributes}
	w.launch(o, func(ctx context.Context, service api.SQS) error { return service.SetQueueAttributes(ctx, w.caller, in) })
}

func (w *world) setAttributes() {
	q := w.rng.IntN(queueCount)
	attributes := map[string]string{}
	switch n := w.rng.IntN(7); {
	case n == 0:
		seconds := w.rng.IntN(20)
		attributes["VisibilityTimeout"] = strconv.Itoa(seconds)
		w.visibilityMS[q] = min(w.visibilityMS[q], int64(seconds)*1000)
	case n == 1:
		attributes["DelaySeconds"] = pick(w.rng, "0", "0", "3", "12")
	case n == 2 && w.settings.shortRetention:
		seconds := 60 + w.rng.IntN(60)
		attributes["MessageRetentionPeriod"] = strconv.Itoa(seconds)
		w.retentionMS[q] = min(w.retentionMS[q], int64(seconds)*1000)
	case n == 3 && isFIFO(q):
		attributes["DeduplicationScope"] = pick(w.rng, "messageGroup", "queue")
		w.rescoped[q] = true
	case n == 4:
		attributes["ReceiveMessageWaitTimeSeconds"] = pick(w.rng, "0", "2")
	case n == 5:
		attributes["RedrivePolicy"] = ""
	default:
		way := pick(w.rng, [2]int{orders, dead}, [2]int{line, deadFIFO}, [2]int{other, dead})
		q, attributes = way[0], w.redrive(way[0], way[1], 1+w.rng.IntN(4))
	}
	w.set(q, attributes)
}

func (w *world) getAttributes() {
	q := w.rng.IntN(queueCount)
	o := &operation{action: "GetQueueAttributes", about: queueNames[q]}
	in := &api.GetQueueAttributesInput{QueueUrl: urlOf(q), AttributeNames: []string{"All"}}
	w.launch(o, func(ctx context.Context, service api.SQS) error {
		_, err := service.GetQueueAttributes(ctx, w.caller, in)
		return err
	})
}

// lookAround begins one of the actions that list and find queues.
func (w *world) lookAround() {
	q := w.rng.IntN(queueCount)
	switch w.rng.IntN(3) {
	case 0:
		w.launch(&operation{action: "ListQueues"}, func(ctx context.Context, service api.SQS) error {
			_, err := service.ListQueues(ctx, w.caller, &api.ListQueuesInput{})
			return err
		})
	case 1:
		w.launch(&operation{action: "GetQueueUrl", about: queueNames[q]}, func(ctx context.Context, service api.SQS) error {
			_, err := service.GetQueueUrl(ctx, w.caller, &api.GetQueueUrlInput{QueueName: &queueNames[q]})
			return err
		})
	default:
		w.launch(&operation{action: "ListDeadLetterSourceQueues", about: queueNames[q]}, func(ctx context.Context, service api.SQS) error {
			_, err := service.ListDeadLetterSourceQueues(ctx, w.caller, &api.ListDeadLetterSourceQueuesInput{QueueUrl: urlOf(q)})
			return err
		})
	}
}

func (w *world) tags() {
	q := w.rng.IntN(queueCount)
	switch w.rng.IntN(3) {
	case 0:
		w.launch(&operation{action: "TagQueue", about: queueNames[q]}, func(ctx context.Context, service api.SQS) error {
			return service.TagQueue(ctx, w.caller, &api.TagQueueInput{QueueUrl: urlOf(q), Tags: map[string]string{"team": "blue"}})
		})
	case 1:
		w.launch(&operation{action: "UntagQueue", about: queueNames[q]}, func(ctx context.Context, service api.SQS) error {
			return service.UntagQueue(ctx, w.caller, &api.UntagQueueInput{QueueUrl: urlOf(q), TagKeys: []string{"team"}})
		})
	default:
		w.launch(&operation{action: "ListQueueTags", about: queueNames[q]}, func(ctx context.Context, service api.SQS) error {
			_, err := service.ListQueueTags(ctx, w.caller, &api.ListQueueTagsInput{QueueUrl: urlOf(q)})
			return err
		})
	}
}

func (w *world) permissions() {
	q, label := w.rng.IntN(2), "partner"
	if w.rng.IntN(2) == 0 {
		in := &api.AddPermissionInput{QueueUrl: urlOf(q), Label: &label, AWSAccountIds: []string{"111122223333"}, Actions: []string{"SendMessage"}}
		w.launch(&operation{action: "AddPermission", about: queueNames[q]}, func(ctx context.Context, service api.SQS) error {
			return service.AddPermission(ctx, w.caller, in)
		})
		return
	}
	w.launch(&operation{action: "RemovePermission", about: queueNames[q]}, func(ctx context.Context, service api.SQS) error {
		return service.RemovePermission(ctx, w.caller, &api.RemovePermissionInput{QueueUrl: urlOf(q), Label: &label})
	})
}

func (w *world) purge() {
	q := w.rng.IntN(queueCount)
	o := &operation{action: "PurgeQueue", about: queueNames[q]}
	w.wipes = append(w.wipes, &wipe{operation: o, queue: q})
	w.launch(o, func(ctx context.Context, service api.SQS) error {
		return service.PurgeQueue(ctx, w.caller, &api.PurgeQueueInput{QueueUrl: urlOf(q)})
	})
}

func (w *world) deleteQueue() {
	q := w.rng.IntN(queueCount)
	o := &operation{action: "DeleteQueue", about: queueNames[q]}
	w.wipes = append(w.wipes, &wipe{operation: o, queue: q, whole: true})
	w.launch(o, func(ctx context.Context, service api.SQS) error {
		return service.DeleteQueue(ctx, w.caller, &api.DeleteQueueInput{QueueUrl: urlOf(q)})
	})
}

func (w *world) startTask() {
	from := pick(w.rng, dead, deadFIFO)
	in := &api.StartMessageMoveTaskInput{SourceArn: new(arnOf(from))}
	o := &operation{action: "StartMessageMoveTask", about: "from " + queueNames[from]}
	w.taskFrom[from] = min(w.taskFrom[from], w.step)
	for q := range queueCount {
		if w.edges[q][from] {
			w.edges[from][q] = true // back to where they came from
		}
	}
	if w.rng.IntN(2) == 0 {
		to := map[int]int{dead: pick(w.rng, other, orders), deadFIFO: line}[from]
		in.DestinationArn = new(arnOf(to))
		w.edges[from][to] = true
		o.about += " to " + queueNames[to]
	}
	if w.rng.IntN(3) == 0 {
		in.MaxNumberOfMessagesPerSecond = new(int64(2 + w.rng.IntN(20)))
	}
	var out *api.StartMessageMoveTaskOutput
	o.heard = func() string {
		if o.outcome == done {
			w.taskHandle = out.TaskHandle
		}
		return ""
	}
	w.launch(o, func(ctx context.Context, service api.SQS) (err error) {
		out, err = service.StartMessageMoveTask(ctx, w.caller, in)
		return err
	})
}

func (w *world) cancelTask() {
	if w.taskHandle == "" {
		return
	}
	handle := w.taskHandle
	w.launch(&operation{action: "CancelMessageMoveTask"}, func(ctx context.Context, service api.SQS) error {
		_, err := service.CancelMessageMoveTask(ctx, w.caller, &api.CancelMessageMoveTaskInput{TaskHandle: &handle})
		return err
	})
}

func (w *world) listTasks() {
	from := pick(w.rng, dead, deadFIFO)
	w.launch(&operation{action: "ListMessageMoveTasks", about: queueNames[from]}, func(ctx context.Context, service api.SQS) error {
		_, err := service.ListMessageMoveTasks(ctx, w.caller, &api.ListMessageMoveTasksInput{SourceArn: new(arnOf(from))})
		return err
	})
}
