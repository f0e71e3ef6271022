// Package api is the Amazon SQS API as Go types: the shapes of its 23 actions, the table of
// actions and the table of errors. API version 2012-11-05; the rules are in reference/sqs.md. Beside it is
// what there is of STS, by which clients ask who they are.
//
// It holds no behaviour. The gateway turns requests into these shapes and back, a service
// implements [SQS], and both agree on failures through [Error].
//
//	         wire                  this package              behaviour
//	JSON 1.0 ──┐                                           ┌── sqs (the service)
//	           ├── codecs ──  Actions, shapes, errors  ────┤
//	Query   ───┘                                           └── fakes in tests
//
// # Presence
//
// AWS tells an absent member from an empty one, so the shapes do too. In inputs a scalar is a
// pointer, nil when absent; QueueUrl and QueueNamePrefix are plain strings, since SQS treats their
// absence like the empty string. A list or map is nil when absent and non-nil when it was sent,
// even if empty. In outputs members with nothing in them are left out on the wire, so plain
// strings, nil slices and nil maps say "absent"; a number is a pointer only where it may be absent.
//
// # One description of every shape
//
// Each struct has a [Shape] beside it that lists its members with their names in both protocols.
// Both codecs work from these shapes and from nothing else, without reflection, so that they
// cannot drift apart.
//
// Everything in the package is immutable after initialisation and safe for concurrent use, apart
// from the values of the shapes themselves, which belong to whoever holds them.
package api
