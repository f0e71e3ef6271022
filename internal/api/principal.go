package api

import "time"

// Principal is who makes a request, as IAM names them. The zero Principal is anonymous: a request without a signature.
type Principal struct {
	// Account is the 12-digit account that the principal belongs to; "" if anonymous.
	Account string
	// ARN is arn:aws:iam::ACCOUNT:root, arn:aws:iam::ACCOUNT:user/NAME or
	// arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION; "" if anonymous.
	ARN string
	// UserID is unique over all time: the account for root, AIDA... for a user, AROA...:SESSION for an assumed role.
	// It is the SenderId of messages.
	UserID string
	// SessionPolicy is the JSON of a policy that restricts a role's session: what it does not allow, the session may not do. "" without
	// one.
	SessionPolicy string
	// SessionIssued is when a role's session began (aws:TokenIssueTime); zero for other principals.
	SessionIssued time.Time
}

// Anonymous reports whether nobody signed the request.
func (p Principal) Anonymous() bool { return p.ARN == "" }

// AccessKey is what it takes to verify a signature and to know whose it is.
type AccessKey struct {
	// Secret is the plain secret access key. It never leaves the process and is never printed.
	Secret string
	// Principal is who the key belongs to.
	Principal Principal
	// Inactive tells that the key was disabled: it is known, and refused.
	Inactive bool
	// Expires is when temporary credentials end; zero for keys that last.
	Expires time.Time
}

// Root returns the principal that owns an account.
func Root(account string) Principal {
	return Principal{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account}
}
