// Package awsjson is the codec of the AWS JSON 1.0 protocol (reference/sqs.md 1.2): it turns request bodies
// into the input shapes of package api, and outputs and errors into response bodies.
//
// It works from the descriptions in package api alone, without reflection and without code per action,
// and knows nothing of HTTP. All functions are safe for concurrent use.
//
// Rules that are not obvious:
//
//   - An empty body counts as {}. Unknown members are skipped, names are case-sensitive, null is absent,
//     and a null in a list is dropped.
//   - A known member or a map key that is given twice is refused, so that nobody can make two
//     readers of one request disagree. AWS would take one of the two.
//   - Types that do not fit are refused in the words of AWS's parser.
//   - Integers may be written as 10.0 or 1e1; fractions and what does not fit 64 bits are refused.
//   - Broken UTF-8 and lone surrogates in values are InvalidMessageContents in sends and malformed input
//     elsewhere. Characters that are Unicode but forbidden in messages are the service's to refuse.
package awsjson
