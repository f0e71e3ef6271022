package sts

import (
	crand "crypto/rand"
	"errors"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/iam"
	"github.com/staunchmq/staunch/internal/identity"
)

// Identities is what sessions need to know of roles. *identity.Directory has it.
type Identities interface {
	RoleByARN(arn string) *identity.Role
	RoleByID(id string) *identity.Role
}

// Options is what Sessions work with. All fields are needed unless they say otherwise.
type Options struct {
	Identities Identities
	Sealer     identity.Sealer
	Clock      clock.Clock
	// MayAssume decides whether the caller, who is never anonymous and never a root, may use sts:AssumeRole: by the role's trust policy,
	// and by the caller's own policies as for any resource with a policy. keys are the condition keys of this request:
	// sts:RoleSessionName, and sts:ExternalId if there is one. It returns nil if the caller may, else why not, for logs.
	MayAssume func(c *api.Caller, role *identity.Role, keys map[string]string) error
	// Random is where keys come from; crypto/rand if nil.
	Random io.Reader
}

// Sessions makes and reads temporary credentials. It has no state, so they stay valid over restarts, and on each server that has the
// same keys. It is safe for concurrent use.
type Sessions struct {
	identities Identities
	sealer     identity.Sealer
	clock      clock.Clock
	mayAssume  func(c *api.Caller, role *identity.Role, keys map[string]string) error
	random     io.Reader
}

// NewSessions returns sessions of the roles in o.Identities. It starts nothing.
func NewSessions(o Options) *Sessions {
	s := &Sessions{identities: o.Identities, sealer: o.Sealer, clock: o.Clock, mayAssume: o.MayAssume, random: o.Random}
	if s.random == nil {
		s.random = crand.Reader
	}
	return s
}

// AssumeRoleInput says which role is wanted, and how.
type AssumeRoleInput struct {
	RoleARN         string
	RoleSessionName string // 2 to 64 letters, digits or any of _+=,.@-
	DurationSeconds int64  // 900 to 43200, and at most the role's longest; 0 for 3600
	Policy          string // a session policy of at most 2048 characters; "" for none
	ExternalID      string // 2 to 1224 characters; "" for none
}

// AssumeRoleOutput is temporary credentials and who they stand for.
type AssumeRoleOutput struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	Expiration                                 time.Time // whole seconds

	AssumedRoleARN string // arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
	AssumedRoleID  string // AROA...:SESSION
	// PackedPolicySize is how much of what is allowed the session policy takes, in percent; 0 without one.
	PackedPolicySize int
}

// The limits of AWS.
const (
	sessionSecondsMin     = 900
	sessionSecondsMax     = 43_200
	sessionSecondsDefault = 3600
	chainedSecondsMax     = 3600 // a session that makes a session
	policyCharsMax        = 2048
	externalIDBytesMax    = 1224
)

var (
	// ValidationError, MalformedPolicyDocument and PackedPolicyTooLarge are errors that SQS does not have.
	ValidationError         = &api.ErrorKind{Shape: "ValidationError", Namespace: "com.amazonaws.sts", QueryCode: "ValidationError", Status: 400, Text: "The input fails to satisfy the constraints specified by an AWS service."}
	MalformedPolicyDocument = &api.ErrorKind{Shape: "MalformedPolicyDocumentException", Namespace: "com.amazonaws.sts", QueryCode: "MalformedPolicyDocument", Status: 400, Text: "The request was rejected because the policy document was malformed."}
	PackedPolicyTooLarge    = &api.ErrorKind{Shape: "PackedPolicyTooLargeException", Namespace: "com.amazonaws.sts", QueryCode: "PackedPolicyTooLarge", Status: 400, Text: "The session policy is too large."}
)

var (
	sessionNameForm = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalIDForm  = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
)

// AssumeRole makes temporary credentials for a session of a role; the caller's principal is who asks. Errors:
// api.AccessDenied, ValidationError, MalformedPolicyDocument, PackedPolicyTooLarge. A role that does not exist is denied like one that does not trust the caller.
func (s *Sessions) AssumeRole(c *api.Caller, in *AssumeRoleInput) (*AssumeRoleOutput, error) {
	who := c.Principal
	if err := check(in); err != nil {
		return nil, err
	}
	role := s.identities.RoleByARN(in.RoleARN)
	if err := s.decide(c, role, in); err != nil {
		e := api.AccessDenied.Newf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", who.ARN, in.RoleARN)
		e.Denial = err.Error()
		return nil, e
	}
	seconds, err := duration(in.DurationSeconds, role, who)
	if err != nil {
		return nil, err
	}
	return s.begin(role, in, seconds)
}

// decide returns nil if the caller may assume the role, which is nil if there is none; else why not.
func (s *Sessions) decide(c *api.Caller, role *identity.Role, in *AssumeRoleInput) error {
	switch who := c.Principal; {
	case who.Anonymous():
		return errors.New("nobody has signed the request")
	case who.ARN == identity.RootARN(who.Account): // as in AWS
		return errors.New("roots cannot assume roles")
	case role == nil:
		return errors.New("there is no such role")
	}
	keys := map[string]string{"sts:RoleSessionName": in.RoleSessionName}
	if in.ExternalID != "" {
		keys["sts:ExternalId"] = in.ExternalID
	}
	return s.mayAssume(c, role, keys)
}

// begin makes a session.
func (s *Sessions) begin(role *identity.Role, in *AssumeRoleInput, seconds int64) (*AssumeRoleOutput, error) {
	now := s.clock.Now().Unix()
	t := &session{Version: sessionVersion, RoleID: role.ID, Name: in.RoleSessionName, Policy: in.Policy, Issued: now, Expires: now + seconds}
	var err error
	if t.KeyID, t.Secret, err = s.newKey(); err != nil {
		return nil, err
	}
	token, err := s.seal(t)
	if err != nil {
		return nil, err
	}
	p := t.principal(role)
	chars := utf8.RuneCountInString(in.Policy)
	return &AssumeRoleOutput{
		AccessKeyID: t.KeyID, SecretAccessKey: t.Secret, SessionToken: token, Expiration: time.Unix(t.Expires, 0).UTC(),
		AssumedRoleARN: p.ARN, AssumedRoleID: p.UserID,
		PackedPolicySize: (chars*100 + policyCharsMax - 1) / policyCharsMax,
	}, nil
}

func check(in *AssumeRoleInput) error {
	switch {
	case in.RoleARN == "":
		return ValidationError.Newf("1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null")
	case !sessionNameForm.MatchString(in.RoleSessionName):
		return invalid(in.RoleSessionName, "roleSessionName", `Member must satisfy regular expression pattern: [\w+=,.@-]{2,64}`)
	case in.DurationSeconds != 0 && in.DurationSeconds < sessionSecondsMin:
		return invalid(in.DurationSeconds, "durationSeconds", "Member must have value greater than or equal to 900")
	case in.DurationSeconds > sessionSecondsMax:
		return invalid(in.DurationSeconds, "durationSeconds", "Member must have value less than or equal to 43200")
	case in.ExternalID != "" && (len(in.ExternalID) > externalIDBytesMax || !externalIDForm.MatchString(in.ExternalID)):
		return invalid(in.ExternalID, "externalId", `Member must satisfy regular expression pattern: [\w+=,.@:/-]{2,1224}`)
	case in.Policy == "":
		return nil
	case utf8.RuneCountInString(in.Policy) > policyCharsMax:
		return PackedPolicyTooLarge.Newf("The session policy has more than %d characters.", policyCharsMax)
	}
	if _, err := iam.Parse(in.Policy, iam.IdentityPolicy); err != nil {
		return MalformedPolicyDocument.Newf("The session policy cannot be used: %v", err)
	}
	return nil
}

func invalid(value any, member, constraint string) error {
	return ValidationError.Newf("1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, constraint)
}

// duration returns how long a session lasts, in seconds.
func duration(wanted int64, role *identity.Role, who api.Principal) (int64, error) {
	if wanted == 0 {
		wanted = sessionSecondsDefault
	}
	switch {
	case strings.HasPrefix(who.ARN, "arn:aws:sts::") && wanted > chainedSecondsMax:
		return 0, ValidationError.Newf("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case wanted > role.MaxSessionSeconds:
		return 0, ValidationError.Newf("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return wanted, nil
}
