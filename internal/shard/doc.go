// Package shard owns one journal and the partitions whose changes are in it.
//
// One goroutine, the loop, owns the state. Requests come in by a queue; the loop takes all that wait, decides each against the
// state, which applies it at once, and collects the changes in one record. The answers wait with the record: who asked hears
// back when it is durable, and so does everyone whose answer depends on it.
//
//	client.go      what a shard can be asked
//	local.go       the client of a shard in this process: hands requests to the loop and waits
//	requests.go    what the loop does for each kind of request
//	moves.go       the same for messages that move to another partition
//	waiters.go     receives that wait for a message: parked entries, no goroutine and no timer each
//	loop.go        run: take what came in, do what can be done, sleep until something happens
//	step.go        what is done next: what time has brought, receives that waited, requests; log time
//	record.go      the record that is being built: the queue.Log of the partitions
//	commit.go      hands records to the journal, waits for it and answers
//	failure.go     a full disk, a panic: the state is built anew from the journal
//	replay.go      the state from the records
//	checkpoint.go  saves the state now and then, starts from it, and lets the journal be trimmed
//	clean.go       copies messages that stay forward, so that the journal before them can be trimmed
//	ledger.go      how much of the journal is messages
//	definitions.go the other state that a journal may carry: the catalog
//	read.go        reads message bodies for answers
//
// A record is handed to the journal when none is on its way, or when one is and the new one has grown to flushBytes; at most two
// are on their way. So the commits of a busy shard are as large as what came in during the commit before: no timer, no tuning.
//
// Time is log time: the record that is being built says what time its changes were made at. It follows the clock forwards and never
// runs backwards, not over restarts either.
//
// While the journal says that room is scarce (journal.Room), what brings something new is refused before it is decided, and checkpoints come
// sooner, so that the journal can be trimmed.
//
// What goes wrong ends in one of three ways. A full disk (journal.ErrFull) or a panic costs the record that was being built and those
// behind the failed one: who waits for them hears an error, and the state is built anew from the journal; the rest goes on. Any other
// failure of the journal ends Run: nobody can say any more what is durable. And a journal that is not what was written is not opened.
package shard
