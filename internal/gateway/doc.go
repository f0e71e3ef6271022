// Package gateway is the HTTP front of Staunch: it turns requests into calls of [api.SQS] and [api.STS] and
// the results into answers.
//
//	request id -> limits -> protocol -> decode -> authenticate -> authorize -> action -> encode
//
// It speaks AWS JSON 1.0 and the AWS Query protocol on every path of one listener (reference/sqs.md 1).
// The wire formats are in awsjson and awsquery, the behaviour is behind api.SQS; what is left here
// is which protocol a request uses, who sends it, under which URL the server is known to the
// sender, and what a request may cost:
//
//   - A body is read up to Options.MaxBodyBytes, within Options.BodyTimeout, and into memory that grows
//     with what arrives, not with what is announced. All bodies together have a limit, too.
//   - An answer must be taken within Options.AnswerTimeout once it is written; waiting for messages does not count.
//   - A panic ends one request with InternalFailure and nothing else.
//   - Logs have the request id and the reason, never bodies or credentials.
//
// With Options.Keys every request must be signed (package sigv4), and callers can use the queues of their own account
// only. Without them the access key and the region of the credential scope are taken as the client states them.
package gateway
