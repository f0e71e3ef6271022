// Package simulation runs a whole node, without its gateway, in a world that is made from a seed: clients that do whatever the API
// allows, a clock that jumps, disks that lose answers and fill up, and crashes at any moment. What the clients saw is written down as a
// history, and checkers look whether a queue could have behaved like that.
//
//	world.go     the world and its steps: one thing happens at a time, and the seed decides which
//	schedule.go  everything that is about to happen and waits for its turn
//	gate.go      holds up calls of shards and their answers
//	disk.go      a journal in memory, with the ways in which it fails
//	node.go      shards, catalog and service over the disks; how they start, crash and come back
//	damage.go    what a start makes of damaged checkpoints and records
//	clients.go   the operations of clients; queues.go has those about queues
//	history.go   what clients asked and heard, and when
//	check.go     the checkers; messages.go, groups.go and end.go hold one kind each
//	finish.go    lets the node come to rest and empties its queues
//
// A run belongs into a bubble of testing/synctest: the world waits until nothing moves any more, and only then takes the next step. Calls
// of shards, their answers and appends all stop at the schedule until the seed picks them. So goroutines never race, and a seed always
// gives the same run, to the byte of its trace.
//
// The package knows the API, the core and the memory journal, and nothing of HTTP. It is used by its tests:
//
//	go test ./simulation                                              the usual number of seeds
//	STAUNCH_SIMULATION_SEEDS=10000 go test ./simulation               more of them
//	STAUNCH_SIMULATION_SEED=42 go test ./simulation -run TestSeed -v   one of them, step by step
package simulation
