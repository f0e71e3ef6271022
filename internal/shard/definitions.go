package shard

import "context"

// Definitions is state that a shard keeps in its journal beside its partitions. Shard 0 carries the catalog.
//
// The shard calls Apply for each change in the order of the journal, after the change is durable, and again on replay;
// Checkpoint and Restore carry the state over a trimmed journal; every replay begins with Restore, with nil where there is no
// checkpoint. The shard never calls two of them at once. Checkpoint is quick: the function that it returns encodes the state as it was
// then, and is called in another goroutine while changes are applied. Apply must be
// deterministic; an error from it stops the shard, because it means that the journal holds what this program cannot read.
type Definitions interface {
	Apply(change []byte) error
	Checkpoint() func() ([]byte, error)
	Restore(state []byte) error
}

// DefinitionLog takes changes of the Definitions.
type DefinitionLog interface {
	// AppendDefinition returns nil after the change is durable and applied. It does not decide anything: who calls it has made
	// sure that nobody else changes the definitions meanwhile. A change that grows is refused with ErrDiskFull when room is scarce;
	// after ErrDiskFull nothing was changed.
	AppendDefinition(ctx context.Context, change []byte, grows bool) error
}
