// Package wire sends raw HTTP to the SQS endpoint that SQS_ENDPOINT names and compares the answers byte by byte with
// what AWS was recorded to answer: both protocols, and the exact texts of errors.
//
// It has only tests. Requests are signed, so that it also runs against a server that verifies signatures.
package wire
