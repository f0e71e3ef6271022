// Package access decides for the gateway whether a caller may use an action: it knows what each action needs, finds the policies
// that have a say, and asks package iam.
//
//	caller ──────────────────────> principal ─┐
//	action and input ─> permissions, queues ──┼─> iam.Decide ─> nil, or AccessDenied, or QueueDoesNotExist
//	catalog ────────────> queue policy, tags ─┤
//	Identities ───────────> identity policies ┘
//
// What an action needs is in needs.go. A caller hears no more of a queue than from AWS: of another account's queue that it may not
// use it learns the same whether the queue exists or not. Every denied request is logged with the statement that decided.
//
// An Authorizer may be used by any number of goroutines, waits for nothing, and remembers compiled policies as long as the queues
// that they belong to are not changed.
package access
