// Package sqs is Amazon SQS: it answers the 23 actions of the API over the catalog and the shards.
//
//	gateway ──► action (one file each) ──► catalog   definitions: queues, attributes, tags, move tasks
//	                                  └──► shard     messages: send, receive, delete, move
//
// An action's file reads like the page of the AWS documentation about it: resolve the queue, check the request in the order of
// reference/sqs.md 2.2, do it, answer. What several actions share has files of its own: limits.go (ranges and character rules),
// message_attributes.go, digest.go (MD5s), attributes.go (the table of queue attributes), content.go (how a message is stored),
// receipt_handle.go, redrive_policy.go, policy.go.
//
// # What outlives a request
//
// Definitions and messages lie in different journals, so three things can be half done when the server stops. Each is written
// down before it is begun, and each is mended: by the server while it runs, and at its start before it answers anything.
//
//   - A definition was committed, but the partition does not follow it yet (configure.go, reconcile.go).
//   - A message is on its way to a dead-letter queue (dead_letter.go, carrier.go).
//   - A message move task has taken messages that have not arrived (mover.go).
//
// The package knows nothing of HTTP, of wire formats, or of journals. A [Service] may be used from any goroutine.
package sqs
