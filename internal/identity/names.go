package identity

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/staunchmq/staunch/internal/arn"
)

var (
	nameForm        = regexp.MustCompile(`^[\w+=,.@-]+$`)
	pathForm        = regexp.MustCompile(`^/([\x21-\x2e\x30-\x7e]+/)*$`)
	accountNameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	keyIDForm       = regexp.MustCompile(`^\w{16,128}$`)
	secretForm      = regexp.MustCompile(`^[\x21-\x7e]{8,128}$`)
)

// checkName refuses names that IAM would: what is "user name", "role name" and so on, for the text.
func checkName(what, name string, bytesMax int) error {
	if len(name) > bytesMax || !nameForm.MatchString(name) {
		return refuse(Invalid, "%s %q: want 1 to %d letters, digits or any of _+=,.@-", what, name, bytesMax)
	}
	return nil
}

// checkPath refuses paths that IAM would, and returns the default for an empty one.
func checkPath(path string) (string, error) {
	if path == "" {
		return "/", nil
	}
	if len(path) > 512 || !pathForm.MatchString(path) {
		return "", refuse(Invalid, "path %q: want at most 512 characters that begin and end with /", path)
	}
	return path, nil
}

// The lengths of names in IAM.
const (
	userNameMax   = 64
	groupNameMax  = 128
	roleNameMax   = 64
	policyNameMax = 128
)

// RootARN is the ARN of an account's root, who owns it.
func RootARN(account string) string { return fmt.Sprintf("arn:aws:iam::%s:root", account) }

func userARN(account, path, name string) string  { return iamARN(account, "user", path, name) }
func groupARN(account, path, name string) string { return iamARN(account, "group", path, name) }
func roleARN(account, path, name string) string  { return iamARN(account, "role", path, name) }

func iamARN(account, kind, path, name string) string {
	return "arn:aws:iam::" + account + ":" + kind + path + name
}

// parseRoleARN takes the account and the name, without its path, out of a role's ARN.
func parseRoleARN(s string) (account, name string, ok bool) {
	rest, ok := strings.CutPrefix(s, "arn:aws:iam::")
	if !ok {
		return "", "", false
	}
	account, resource, ok := strings.Cut(rest, ":")
	if !ok || !arn.ValidAccount(account) || !strings.HasPrefix(resource, "role/") {
		return "", "", false
	}
	return account, resource[strings.LastIndexByte(resource, '/')+1:], true
}
