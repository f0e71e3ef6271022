// Package catalog holds the definitions that a server knows: its queues with their attributes and tags, the names of queues
// deleted a moment ago, message move tasks, the secret under which receipt handles are signed, and identities: accounts, users, groups,
// roles, their policies and their access keys.
//
//	Update ──decide(View)──► Change ──AppendDefinition──► journal of shard 0
//	                                                          │ after the commit, and on replay
//	readers ◄──────────── View (immutable) ◄──────────────── Apply
//
// A definition changes only by a [Change]: it is decided on the newest [View], appended through a shard.DefinitionLog, and
// takes effect when the shard calls Apply with it. A replayed catalog therefore cannot differ from a live one. Decisions are
// serialised: between a decision and its commit no other is made.
//
// Readers take a [View], which never changes, without waiting for anybody. Trees with copy-on-write make a new View cost
// O(log n).
//
// The package does not know what the attributes mean or which values are right, and it never touches a partition: that is the
// work of the sqs package, and for identities of the identity package. Secret access keys are encrypted under a key that it does not
// have. Everything exported may be used from any goroutine, except Apply, Checkpoint and Restore, which belong
// to the shard.
package catalog
