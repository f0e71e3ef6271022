// Package queue is the semantics of Amazon SQS: one partition of a queue as a pure, deterministic state machine.
//
// It has no clock, no I/O, no goroutines and no randomness: the time, the ids and the log are arguments. A message is delayed,
// visible, in flight, or gone; moving is the short time in which it is carried to another queue.
//
//	          own delay                  Receive
//	send ──► delayed ──────► visible ──────────────► in flight ──Delete──► gone
//	  │                      ▲  ▲  │                   │
//	  └──────────────────────┘  │  │  timeout, or      │
//	     no delay               └──│───────────────────┘
//	                               │  set to 0
//	                               │ Receive, with the receives used up; or BeginMove
//	                               ▼
//	                             moving ──EndMove──► gone here, visible in the target
//
//	retention and Purge end every state.
//
// # One mutator
//
// Every operation (Send, Receive, Delete, ...) reads the state, decides, writes a change to the Log and applies that change;
// nothing else alters the state but Advance. A change says what happened (which messages a receive took, until when), not what
// was asked. Replaying the changes of a journal with Apply, after Advance to the time of each record, gives the same state to the
// byte, and AppendCheckpoint shows it.
//
// Time that passes is not a change: what ends at a deadline (delays, visibility timeouts, retention, deduplication) is worked out
// by Advance from times that changes have set, so the result does not depend on how often Advance is called. Whoever calls an
// operation has called Advance with the same time, once for all operations of a record.
//
// # Where messages are kept
//
// A message that was never received and has no delay of its own costs nearly nothing: it is part of an extent, a run of messages
// of one record in the tail of its message group. Messages without a group share the group "". Once a message is received,
// delayed by itself, or moved here, it has an entry of its own. Bodies are never kept here: they are read from the journal by Ref, or, for
// messages that were copied forward so that old records can be trimmed, from the place that a small table has for their Ref.
//
// Groups that can hand out a message are in an index by the place in line of their first message, so that a receive costs
// O(log n) whatever the backlog is, and a stuck FIFO group hides no other.
//
// A Partition belongs to one goroutine. Errors of decoding mean a damaged journal; a change that does not fit the state panics,
// because it means that the program and the journal disagree.
package queue
