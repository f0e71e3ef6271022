package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// gate holds up every call of a shard, and every answer, until the schedule lets it go.
type gate struct {
	shard.Client
	id       int
	schedule *schedule
}

// operationKey is where the context of an operation has its number.
type operationKey struct{}

// operationOf returns the number of the operation that a call is made for; 0 for the node's own work.
func operationOf(ctx context.Context) int {
	n, _ := ctx.Value(operationKey{}).(int)
	return n
}

// pass waits for the turn of a call. The returned function waits for that of its answer.
func (g *gate) pass(ctx context.Context, method string, p queue.ID, detail any) func() {
	name := fmt.Sprintf("%s shard=%d partition=%d operation=%d %v", method, g.id, p, operationOf(ctx), detail)
	g.schedule.pause("call " + name)
	return func() { g.schedule.pause("answer " + name) }
}

func (g *gate) Configure(ctx context.Context, p queue.ID, s queue.Settings) error {
	defer g.pass(ctx, "Configure", p, s)()
	return g.Client.Configure(ctx, p, s)
}

func (g *gate) Drop(ctx context.Context, p queue.ID) error {
	defer g.pass(ctx, "Drop", p, "")()
	return g.Client.Drop(ctx, p)
}

func (g *gate) Partitions(ctx context.Context) (map[queue.ID]queue.Settings, error) {
	defer g.pass(ctx, "Partitions", 0, "")()
	return g.Client.Partitions(ctx)
}

func (g *gate) Send(ctx context.Context, p queue.ID, messages []shard.SendMessage) ([]queue.SendResult, error) {
	defer g.pass(ctx, "Send", p, "")()
	return g.Client.Send(ctx, p, messages)
}

func (g *gate) Receive(ctx context.Context, p queue.ID, in shard.ReceiveRequest) (*shard.ReceiveResult, error) {
	defer g.pass(ctx, "Receive", p, "")()
	return g.Client.Receive(ctx, p, in)
}

func (g *gate) Delete(ctx context.Context, p queue.ID, handles []queue.Handle) ([]error, error) {
	defer g.pass(ctx, "Delete", p, "")()
	return g.Client.Delete(ctx, p, handles)
}

func (g *gate) ChangeVisibility(ctx context.Context, p queue.ID, changes []queue.VisibilityChange) ([]error, error) {
	defer g.pass(ctx, "ChangeVisibility", p, "")()
	return g.Client.ChangeVisibility(ctx, p, changes)
}

func (g *gate) Purge(ctx context.Context, p queue.ID, interval time.Duration) error {
	defer g.pass(ctx, "Purge", p, "")()
	return g.Client.Purge(ctx, p, interval)
}

func (g *gate) Stats(ctx context.Context, p queue.ID) (queue.Stats, error) {
	defer g.pass(ctx, "Stats", p, "")()
	return g.Client.Stats(ctx, p)
}

func (g *gate) BeginMove(ctx context.Context, p queue.ID, max int, target queue.ID) ([]queue.Move, error) {
	defer g.pass(ctx, "BeginMove", p, "")()
	return g.Client.BeginMove(ctx, p, max, target)
}

func (g *gate) Moving(ctx context.Context, p queue.ID, after queue.Ref, max int) ([]queue.Move, error) {
	defer g.pass(ctx, "Moving", p, after)()
	return g.Client.Moving(ctx, p, after, max)
}

func (g *gate) ReadMoving(ctx context.Context, p queue.ID, moves []queue.Move) ([]shard.MovingMessage, []queue.Move, error) {
	defer g.pass(ctx, "ReadMoving", p, moves)()
	return g.Client.ReadMoving(ctx, p, moves)
}

func (g *gate) Arrive(ctx context.Context, p queue.ID, arrivals []shard.Arrival) error {
	var origins []queue.Origin
	for i := range arrivals {
		origins = append(origins, arrivals[i].Origin)
	}
	defer g.pass(ctx, "Arrive", p, origins)()
	return g.Client.Arrive(ctx, p, arrivals)
}

func (g *gate) EndMove(ctx context.Context, p queue.ID, refs []queue.Ref, moved bool) error {
	defer g.pass(ctx, "EndMove", p, fmt.Sprint(refs, moved))()
	return g.Client.EndMove(ctx, p, refs, moved)
}

func (g *gate) Settle(ctx context.Context, p queue.ID, origins []queue.Origin) error {
	defer g.pass(ctx, "Settle", p, origins)()
	return g.Client.Settle(ctx, p, origins)
}

func (g *gate) Unsettled(ctx context.Context, p queue.ID) ([]queue.Origin, error) {
	defer g.pass(ctx, "Unsettled", p, "")()
	return g.Client.Unsettled(ctx, p)
}

// definitionGate does the same for the catalog's log.
type definitionGate struct {
	shard.DefinitionLog
	schedule *schedule
}

func (g definitionGate) AppendDefinition(ctx context.Context, change []byte, grows bool) error {
	name := fmt.Sprintf("AppendDefinition operation=%d", operationOf(ctx))
	g.schedule.pause("call " + name)
	defer g.schedule.pause("answer " + name)
	return g.DefinitionLog.AppendDefinition(ctx, change, grows)
}
