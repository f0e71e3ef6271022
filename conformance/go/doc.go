// Package gosdk runs the AWS SDK for Go v2 against the SQS endpoint that SQS_ENDPOINT names.
//
// It has only tests. Each creates queues of its own with names that no other run uses, so tests run in parallel, in any
// order, and against a server that holds other things.
package gosdk
