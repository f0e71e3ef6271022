// Package sigv4 verifies AWS Signature Version 4: the Authorization header and presigned query strings.
//
//	Parse(request)                      who claims to have signed, for which scope, when
//	... the caller looks up the secret ...
//	Verifier.Verify(request, ...)       scope, time, payload and signature are right
//
// It is pure: the time and the secret are arguments, the request is a plain struct, and nothing here knows HTTP servers,
// keys or accounts. Facts: reference/aws-neighbours.md 4.1, reference/sqs.md 11.1 and 11.2.
//
// What signers disagree about is accepted in either form where both mean the same request: paths with and
// without their dot segments and repeated slashes removed, and the host that was called or one of Options.Hosts.
//
// A [Verifier] may be used by many goroutines at once. It keeps the keys that it derived from secrets for the
// scopes of verified requests, at most 4,096 of them.
package sigv4
