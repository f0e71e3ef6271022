package arn

import (
	"errors"
	"fmt"
	"strings"
)

// ARN is the Amazon resource name of a queue: arn:<partition>:sqs:<region>:<account>:<name>.
type ARN struct {
	Partition string // "aws", "aws-cn" or "aws-us-gov"
	Region    string // as ValidRegion accepts
	Account   string // 12 digits
	Name      string // queue name; not checked beyond having 1 to NameMax bytes without ':' and '/'
}

// NameMax is the longest name of a queue, in characters, which are bytes (reference/sqs.md 3.1).
const NameMax = 80

// ErrNameTooLong is what Parse returns for the ARN of a queue whose name is longer than NameMax: there is no such queue.
var ErrNameTooLong = errors.New("the name of the queue is too long")

// Queue returns the ARN of a queue in the partition that the region belongs to.
// It checks nothing.
func Queue(region, account, name string) ARN {
	return ARN{Partition: partitionOf(region), Region: region, Account: account, Name: name}
}

// Parse reads a queue's ARN. A resource of another service, a partition other than the
// three of reference/sqs.md 3.3, a malformed region or account, and a name that is empty or too long are errors.
func Parse(s string) (ARN, error) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ARN{}, fmt.Errorf("%q is not an ARN: want arn:<partition>:sqs:<region>:<account>:<name>", short(s))
	}
	a := ARN{Partition: parts[1], Region: parts[3], Account: parts[4], Name: parts[5]}
	malformed := func(what, part string) (ARN, error) {
		return ARN{}, fmt.Errorf("ARN %q: %s %q", short(s), what, short(part))
	}
	switch {
	case a.Partition != "aws" && a.Partition != "aws-cn" && a.Partition != "aws-us-gov":
		return malformed("unknown partition", a.Partition)
	case parts[2] != "sqs":
		return ARN{}, fmt.Errorf("ARN %q: names a resource of service %q, not of sqs", short(s), short(parts[2]))
	case !ValidRegion(a.Region):
		return malformed("malformed region", a.Region)
	case !ValidAccount(a.Account):
		return malformed("malformed account id", a.Account)
	case a.Name == "" || strings.ContainsAny(a.Name, ":/"):
		return malformed("malformed queue name", a.Name)
	case len(a.Name) > NameMax:
		return ARN{}, ErrNameTooLong
	}
	return a, nil
}

// short cuts what an error shows: somebody else wrote it, and an ARN of a queue has less than 200 bytes.
func short(s string) string { return s[:min(len(s), 200)] }

// String prints the ARN; Parse reads it back.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":sqs:" + a.Region + ":" + a.Account + ":" + a.Name
}

// ValidAccount says whether s is an AWS account id: exactly 12 decimal digits.
func ValidAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// ValidRegion says whether s can be a region: 1 to 63 lower-case letters, digits and hyphens
// that begin and end with a letter or digit, so that it can stand in a host name and an ARN.
// It need not be one of AWS's: people who run their own servers use names such as "local" or "elasticmq".
func ValidRegion(s string) bool {
	if len(s) == 0 || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// partitionOf returns the partition of an AWS region, and "aws" for every other region.
func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
