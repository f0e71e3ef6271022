// Package awsquery is the codec of the AWS Query protocol (reference/sqs.md 1.3 and 1.4): it turns form
// parameters into the input shapes of package api, and outputs and errors into XML, or into AWS's
// JSON rendering of that XML.
//
// It works from the descriptions in package api alone, without reflection and without code per action,
// and knows nothing of HTTP beyond the form encoding. All functions are safe for concurrent use.
//
// Rules that are not obvious:
//
//   - Lists are flattened: Tag.1.Key, Tag.1.Value, Tag.2.Key … The singular and the plural name
//     of a member are both accepted. Items are ordered by index, gaps do not matter, and an item
//     without an index (AttributeName=All, Attribute.Name=…) comes first.
//   - A list's name alone with an empty value (AttributeName=) is an empty list: so older SDKs send one.
//   - The first of two parameters with one name counts; those of the query string come before those of the body.
//   - Unknown parameters are ignored.
//   - Text that is not UTF-8 is InvalidMessageContents in sends and malformed input elsewhere.
//   - In XML a carriage return is written as a reference, since readers would turn it into a line feed.
//     A character that XML cannot hold becomes U+FFFD; only error messages that quote a request can have one.
package awsquery
