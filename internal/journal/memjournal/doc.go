// Package memjournal keeps journals in memory: for tests, which may inject every way in which an append can go wrong, and for
// `serve --journal memory`. Nothing survives the process; within it the journal behaves as one on a disk does, so a shard
// cannot tell the difference.
//
// A log is the stored thing, a Journal a handle on it. Several handles on one log are several owners that compete, as
// in a cluster; Clone is what a new process would find after a crash.
//
//	New ---> Journal --Open--> Journal    two owners, one log
//	            |
//	          Clone --> Journal           another log: the durable records only
package memjournal
