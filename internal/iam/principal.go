package iam

import (
	"fmt"
	"strings"
)

// PrincipalKind says what kind of principal makes a request.
type PrincipalKind uint8

const (
	// Anonymous made no signature.
	Anonymous PrincipalKind = iota
	// Root is an account itself.
	Root
	// User is a user of an account.
	User
	// AssumedRole is a session of a role.
	AssumedRole
	// Service is an AWS service that acts by itself, such as sns.amazonaws.com.
	Service
)

// String is the value of aws:PrincipalType.
func (k PrincipalKind) String() string {
	return [...]string{"Anonymous", "Account", "User", "AssumedRole", "Service"}[k]
}

// Principal is who makes a request. The zero Principal is anonymous. ParsePrincipal makes it.
type Principal struct {
	Kind PrincipalKind
	// ARN is arn:aws:iam::ACCOUNT:root, arn:aws:iam::ACCOUNT:user/PATH/NAME or arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION;
	// empty for others.
	ARN string
	// Account has 12 digits; empty for others.
	Account string
	// Name is that of the user, of the role, or of the service.
	Name string
	// UserID is the value of aws:userid.
	UserID string
}

// ParsePrincipal reads a principal: an ARN of a root, a user or an assumed role; the name of a service, such as
// sns.amazonaws.com; or nothing, for somebody anonymous. It does not allocate unless it fails.
func ParsePrincipal(s, userID string) (Principal, error) {
	switch {
	case s == "":
		return Principal{}, nil
	case isService(s):
		return Principal{Kind: Service, Name: s}, nil
	}
	named, err := parseNamed(s)
	if err != nil {
		return Principal{}, err
	}
	p := Principal{ARN: s, Account: named.account, UserID: userID}
	switch named.kind {
	case namesAccount:
		p.Kind = Root
	case namesUser:
		p.Kind = User
		p.Name = afterLastSlash(named.name)
	case namesSession:
		p.Kind = AssumedRole
		p.Name, _, _ = strings.Cut(named.name, "/")
	default:
		return Principal{}, fmt.Errorf("%q cannot make requests: a role does so as arn:aws:sts::%s:assumed-role/%s/SESSION",
			s, named.account, afterLastSlash(named.name))
	}
	return p, nil
}

// policyARN is the value of aws:PrincipalArn: of a session that of its role.
func (p *Principal) policyARN() string {
	if p.Kind != AssumedRole {
		return p.ARN
	}
	_, rest, _ := strings.Cut(p.ARN, ":")
	partition, _, _ := strings.Cut(rest, ":")
	return "arn:" + partition + ":iam::" + p.Account + ":role/" + p.Name
}

// namedKind says what a name in the Principal element stands for.
type namedKind uint8

const (
	namesEverybody namedKind = iota
	namesAccount
	namesUser
	namesRole
	namesSession
	namesService
	namesID     // a user, a role or a session of it, by unique ID
	namesNobody // principals that never make requests here: web identities, SAML, CloudFront
)

// named is one name in a Principal element.
type named struct {
	kind    namedKind
	account string
	name    string // user/..., without "user/"; role with its path; role/session; service; unique ID
}

// isService tells whether s is written as the name of an AWS service.
func isService(s string) bool {
	return (strings.HasSuffix(s, ".amazonaws.com") || strings.HasSuffix(s, ".amazonaws.com.cn")) && !strings.ContainsAny(s, ":/ *?")
}

// parseNamed reads the ARN of a principal. Wildcards are not allowed in it.
func parseNamed(s string) (named, error) {
	bad := func(what string) (named, error) { return named{}, fmt.Errorf("%q is not a principal: %s", s, what) }
	rest, ok := strings.CutPrefix(s, "arn:")
	if !ok {
		return bad("want an ARN such as arn:aws:iam::123456789012:user/NAME")
	}
	partition, rest, _ := strings.Cut(rest, ":")
	service, rest, _ := strings.Cut(rest, ":")
	region, rest, _ := strings.Cut(rest, ":")
	account, resource, _ := strings.Cut(rest, ":")
	kind, name, _ := strings.Cut(resource, "/")
	n := named{account: account, name: name}
	switch {
	case strings.ContainsAny(s, "*?"):
		return bad("wildcards in an ARN are not allowed there; \"*\" alone is everybody")
	case partition == "" || region != "" || !isAccount(account):
		return bad("want arn:aws:iam::<12 digits>:...")
	case service == "iam" && resource == "root":
		n.kind = namesAccount
	case service == "iam" && kind == "user" && isPath(name):
		n.kind = namesUser
	case service == "iam" && kind == "role" && isPath(name):
		n.kind = namesRole
	case service == "sts" && kind == "assumed-role" && strings.Count(name, "/") == 1 && isPath(name):
		n.kind = namesSession
	case service == "sts" && kind == "federated-user" && isPath(name):
		n.kind = namesNobody
	default:
		return bad("want root, user/NAME, role/NAME or, of sts, assumed-role/ROLE/SESSION as its last part")
	}
	return n, nil
}

// isPath tells whether s is names with slashes between them.
func isPath(s string) bool {
	return s != "" && s[0] != '/' && s[len(s)-1] != '/' && !strings.Contains(s, "//")
}

func afterLastSlash(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// isAccount tells whether s is 12 digits.
func isAccount(s string) bool {
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

// compileNamed reads a name of one kind in a Principal element.
func compileNamed(kind, name string) (named, error) {
	switch kind {
	case "AWS":
		switch {
		case name == "*":
			return named{kind: namesEverybody}, nil
		case isAccount(name):
			return named{kind: namesAccount, account: name}, nil
		case uniqueID.MatchString(name):
			return named{kind: namesID, name: name}, nil
		case !strings.HasPrefix(name, "arn:"):
			return named{}, fmt.Errorf(`%q is not a principal: want an account ID, "*", an ARN, or the unique ID of a user or role`, name)
		}
		return parseNamed(name)
	case "Service":
		if !isService(name) {
			return named{}, fmt.Errorf("%q is not the name of a service, such as sns.amazonaws.com", name)
		}
		return named{kind: namesService, name: name}, nil
	case "Federated", "CanonicalUser":
		if name == "" {
			return named{}, fmt.Errorf("a principal of the kind %s is empty", kind)
		}
		return named{kind: namesNobody}, nil
	}
	return named{}, fmt.Errorf("there is no principal of the kind %q; there are AWS, Service, Federated and CanonicalUser", kind)
}

// coverage says how closely a Principal element names a principal. What names it more closely is more.
type coverage uint8

const (
	notCovered     coverage = iota
	coveredAccount          // its account is named: that leaves it to the account's own policies
	coveredSelf             // it is named itself, by its role, or as everybody
	coveredSession          // the very session is named
)

// covers tells how closely n names p.
func (n *named) covers(p *Principal) coverage {
	switch n.kind {
	case namesEverybody:
		return coveredSelf
	case namesAccount:
		switch {
		case n.account != p.Account:
			return notCovered
		case p.Kind == Root:
			return coveredSelf
		}
		return coveredAccount
	case namesUser:
		if _, name, _ := strings.Cut(p.ARN, ":user/"); p.Kind == User && n.account == p.Account && name == n.name {
			return coveredSelf
		}
	case namesRole:
		if p.Kind == AssumedRole && n.account == p.Account && afterLastSlash(n.name) == p.Name {
			return coveredSelf
		}
	case namesSession:
		if p.Kind == AssumedRole && n.account == p.Account && strings.HasSuffix(p.ARN, ":assumed-role/"+n.name) {
			return coveredSession
		}
	case namesID:
		return coversID(n.name, p)
	case namesService:
		if p.Kind == Service && n.name == p.Name {
			return coveredSelf
		}
	}
	return notCovered
}

// coversID tells how closely a unique ID names p.
func coversID(id string, p *Principal) coverage {
	role, _, _ := strings.Cut(p.UserID, ":")
	switch {
	case p.Kind == User && p.UserID == id, p.Kind == AssumedRole && role == id:
		return coveredSelf
	case p.Kind == AssumedRole && p.UserID == id:
		return coveredSession
	}
	return notCovered
}
