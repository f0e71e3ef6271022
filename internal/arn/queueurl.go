package arn

import (
	"errors"
	"strings"
)

// ErrNotQueue is what ParseQueueURL returns for text that names no queue in any form.
var ErrNotQueue = errors.New("not a queue URL, a queue name or a queue ARN")

// Ref is what a client's text says about a queue.
type Ref struct {
	// Region is "" where the text names none. It is informative only and must not be
	// used to choose the queue, except where the text was an ARN.
	Region string
	// Account is 12 digits, or "" where the text names none: then the caller's account is meant.
	Account string
	// Name has 1 to NameMax bytes. Whether it follows the rules for queue names otherwise is not
	// checked: a name that breaks them is simply unknown.
	Name string
}

// ParseQueueURL reads the value of a QueueUrl parameter in any of the forms in the package comment.
// Scheme, host, port, query, fragment and a trailing slash do not matter. Text from which no name
// of a possible length can be read gives ErrNotQueue, which SQS answers like an unknown queue (reference/sqs.md 3.2).
func ParseQueueURL(s string) (Ref, error) {
	if strings.HasPrefix(s, "arn:") {
		a, err := Parse(s)
		if err != nil {
			return Ref{}, ErrNotQueue
		}
		return Ref{Region: a.Region, Account: a.Account, Name: a.Name}, nil
	}
	s, _, _ = strings.Cut(s, "#")
	s, _, _ = strings.Cut(s, "?")
	host, path, isURL := splitURL(s)
	if !isURL && !strings.Contains(s, "/") {
		if s == "" || len(s) > NameMax || strings.Contains(s, ":") {
			return Ref{}, ErrNotQueue
		}
		return Ref{Name: s}, nil
	}
	ref, ok := ParseQueuePath(path)
	if !ok || len(ref.Name) > NameMax {
		return Ref{}, ErrNotQueue
	}
	if ref.Region == "" {
		ref.Region = regionOfHost(host)
	}
	return ref, nil
}

// OfQueueURL returns the ARN of the queue that a caller of an account in a region means by a QueueUrl. Only the account and the
// name in it count, and without an account the caller's is meant; the region is the caller's. In an ARN the region is part of the
// name: a queue of another region gives ErrNotQueue, as what names no queue does.
func OfQueueURL(queueURL, region, account string) (ARN, error) {
	ref, err := ParseQueueURL(queueURL)
	if err != nil {
		return ARN{}, err
	}
	if ref.Region != "" && ref.Region != region && strings.HasPrefix(queueURL, "arn:") {
		return ARN{}, ErrNotQueue
	}
	if ref.Account == "" {
		ref.Account = account
	}
	return Queue(region, ref.Account, ref.Name), nil
}

// ParseQueuePath reads the queue from the path of a URL or of an HTTP request, and says false where
// the path names none. The name is of any length. The last two segments count, so a server may sit below any prefix:
//
//	…/<account>/<name>
//	…/queue/<name>
//	…/queue/<region>/<account>/<name>
func ParseQueuePath(path string) (Ref, bool) {
	path = strings.TrimSuffix(path, "/")
	rest, name, ok := cutLast(path)
	if !ok || name == "" {
		return Ref{}, false
	}
	rest, account, _ := cutLast(rest)
	if account == "queue" {
		return Ref{Name: name}, true
	}
	if !ValidAccount(account) {
		return Ref{}, false
	}
	ref := Ref{Account: account, Name: name}
	rest, region, _ := cutLast(rest)
	if _, word, _ := cutLast(rest); word == "queue" && ValidRegion(region) {
		ref.Region = region
	}
	return ref, true
}

// splitURL takes the host and the path from a URL; a text that starts with "/" has no host.
func splitURL(s string) (host, path string, isURL bool) {
	_, rest, isURL := strings.Cut(s, "://")
	if !isURL {
		if strings.HasPrefix(s, "/") {
			return "", s, false
		}
		rest = s // "host/account/name", without a scheme
	}
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return rest[:slash], rest[slash:], isURL
	}
	return rest, "/", isURL
}

// cutLast cuts a path at its last slash; without one, all of it is the last segment.
func cutLast(path string) (rest, last string, found bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// regionOfHost finds the region in a host name: sqs.<region>.…, sqs-fips.<region>.…,
// <vpc endpoint>.sqs.<region>.…, <region>.queue.…, and AWS's first host, queue.amazonaws.com.
func regionOfHost(host string) string {
	if !strings.Contains(host, ".") { // localhost: no need to look closer
		return ""
	}
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	if host == "queue.amazonaws.com" {
		return "us-east-1"
	}
	if !strings.Contains(host, "sqs") && !strings.Contains(host, "queue") { // an IP address, mostly
		return ""
	}
	labels := strings.Split(host, ".")
	for i := range len(labels) - 1 {
		if (labels[i] == "sqs" || labels[i] == "sqs-fips") && looksLikeAWSRegion(labels[i+1]) {
			return labels[i+1]
		}
		if labels[i+1] == "queue" && looksLikeAWSRegion(labels[i]) {
			return labels[i]
		}
	}
	return ""
}

// looksLikeAWSRegion tells regions such as us-gov-west-1 from ordinary host labels.
func looksLikeAWSRegion(s string) bool {
	parts := strings.Split(s, "-")
	last := parts[len(parts)-1]
	return len(parts) >= 3 && len(parts[0]) == 2 && ValidRegion(s) && strings.Trim(last, "0123456789") == "" && last != ""
}
