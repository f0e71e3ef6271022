// Package identity is who may call: accounts, users, groups, roles, their policies and access keys, as IAM names them. It decides what
// is allowed of them (names, limits, two keys a user), makes their unique IDs and secrets, and keeps them in the catalog; and it answers, for
// each request, whose an access key is and which policies a principal has.
//
//	admin interface ─► Service ──Update──► catalog (journal of shard 0)
//	                                          │ view
//	requests ◄──────── Directory ◄────────────┘
//
// Secret access keys are encrypted by a [Sealer] before the catalog sees them, and are in no answer but that of the call that made
// them. The package does not judge requests: signatures are verified by package sigv4, and policies evaluated by package iam.
//
// Everything exported is safe for use from several goroutines.
package identity
