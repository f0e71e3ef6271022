// Package shard owns one journal and the partitions whose changes are in it.
//
// One goroutine, the loop, owns the state. Requests come in by a queue; the loop takes all that wait, decides each against the
// state, which applies it at once, and collects the changes in one record. The answers wait with the record: who asked hears
// back when it is durable, and so does everyone whose answer depends on it.
//
//	client.go    what a shard can be asked
//	local.go     the client of a shard in this process: hands requests to the loop and waits
//	requests.go  what the loop does for each kind of request
//	waiters.go   receives that wait for a message: parked entries, no goroutine and no timer each
//	loop.go      collect, decide, flush
//	record.go    the record that is being built: the queue.Log of the partitions
//	commit.go    waits for the journal and answers
//	replay.go    the state from checkpoint and journal; checkpoints and trimming
//	read.go      reads message bodies for answers
//
// A record is handed to the journal when none is on its way, or when one is and the new one has grown to flushBytes; at most two
// are on their way. So the commits of a busy shard are as large as what came in during the commit before: no timer, no tuning.
//
// Time is log time: the time of the record that is being built. It never runs backwards, not over restarts either, and all
// changes of a record have the same.
package shard
