// Package iam is AWS's policy language: it reads policy documents, says what is wrong with them, and decides by them whether a
// request is allowed and which statement decided (reference/sqs.md 11.3, 11.4; reference/aws-neighbours.md 4.4).
//
//	text ── Parse ──> *Policy ─┐
//	                           ├── Decide ──> Decision: allowed or not, why, by which statement
//	who, what, when ── Request ┘
//
// It is pure: no clock, no I/O, no state. It knows principals, actions and resources by their names only, and neither queues nor
// HTTP. A Policy never changes after Parse and may be used by any number of goroutines. Decide does not allocate, unless a policy
// has variables, compares a time or an address as text, or asks for aws:PrincipalArn of a session or for three values of one key.
//
// Work is bounded by the sizes of what is compared. A document has at most [BytesMax] bytes. A pattern is matched in time linear
// in the text, whatever its wildcards: the parts between its * are searched for from left to right, each once, and a part with
// a ? in it has at most 64 bytes.
package iam
