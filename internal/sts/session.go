// Package sts is AWS STS: who a caller is, and temporary credentials of a role. A session token is everything that the server needs to know
// of a session, encrypted; nothing is stored (reference/aws-neighbours.md 4.3).
package sts

import (
	"crypto/subtle"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/identity"
)

// session is what a session token holds. The server keeps nothing of a session: whoever presents the token brings it along.
type session struct {
	Version int    `json:"v"`
	KeyID   string `json:"k"` // ASIA...
	Secret  string `json:"s"`
	RoleID  string `json:"r"`
	Name    string `json:"n"`
	Policy  string `json:"p,omitempty"`
	Issued  int64  `json:"i"` // Unix s
	Expires int64  `json:"e"` // Unix s
}

const (
	sessionVersion = 1

	// tokenBytesMax is the longest token that is looked at. The longest that is made has a policy of 2048 characters, each of up to 6
	// bytes in JSON.
	tokenBytesMax = 20_000
)

// sessionContext tells session tokens from everything else that is sealed.
var sessionContext = []byte("staunch session token")

// Open returns the temporary access key of a session token; false if the token is none of this server, belongs to another access key,
// or if its role is gone. The key is returned after it has expired, too: whoever verifies a signature looks at Expires.
func (s *Sessions) Open(accessKeyID, token string) (api.AccessKey, bool) {
	t, err := s.open(token)
	if err != nil || subtle.ConstantTimeCompare([]byte(t.KeyID), []byte(accessKeyID)) != 1 {
		return api.AccessKey{}, false
	}
	role := s.identities.RoleByID(t.RoleID)
	if role == nil {
		return api.AccessKey{}, false
	}
	return api.AccessKey{Secret: t.Secret, Principal: t.principal(role), Expires: time.Unix(t.Expires, 0).UTC()}, true
}

func (t *session) principal(role *identity.Role) api.Principal {
	return api.Principal{
		Account:       role.Account,
		ARN:           "arn:aws:sts::" + role.Account + ":assumed-role/" + role.Name + "/" + t.Name,
		UserID:        t.RoleID + ":" + t.Name,
		SessionPolicy: t.Policy,
		SessionIssued: time.Unix(t.Issued, 0).UTC(),
	}
}

func (s *Sessions) open(token string) (*session, error) {
	if len(token) > tokenBytesMax {
		return nil, errors.New("it is too long")
	}
	sealed, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return nil, err
	}
	text, err := s.sealer.Open(sealed, sessionContext)
	if err != nil {
		return nil, err
	}
	t := &session{}
	if err := json.Unmarshal(text, t, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if t.Version != sessionVersion {
		return nil, fmt.Errorf("it has version %d", t.Version)
	}
	return t, nil
}

// seal makes the token of a session.
func (s *Sessions) seal(t *session) (string, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	sealed, err := s.sealer.Seal(text, sessionContext)
	if err != nil {
		return "", fmt.Errorf("encrypt a session token: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

// newKey makes a temporary access key: an ID with 80 random bits and a secret with 240.
func (s *Sessions) newKey() (id, secret string, err error) {
	b := make([]byte, 40)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return "", "", fmt.Errorf("make a temporary access key: %w", err)
	}
	return "ASIA" + base32.StdEncoding.EncodeToString(b[:10]), base64.StdEncoding.EncodeToString(b[10:]), nil
}
