// Package loadgen drives a server that speaks SQS, any such server, and measures it and checks it at once.
//
// A scenario is a few phases, one after the other; a phase is a number of producers and consumers, each with a keep-alive connection of its
// own and one request on the way. Requests are written and answers read by hand (wire_json.go, wire_query.go, conn.go), because
// the generator usually shares the machine with the server that it measures.
//
// Every message carries which run made it, its number, its group and when it was due (message.go). The ledger notes what was answered: sent,
// received, deleted. At the end it knows what was lost, what came twice, what came back after its delete, and which FIFO group was
// out of order. Latency at a rate is counted from the moment a request was due, not from when the generator came to send it, so a server that
// stalls cannot hide it (no coordinated omission).
//
// Run blocks until all it started has stopped. The package knows nothing of Staunch but the names of two of its metrics.
package loadgen
