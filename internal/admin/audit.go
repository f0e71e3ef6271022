package admin

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	"github.com/staunchmq/staunch/internal/audit"
)

// Auditor keeps the entries of the audit log.
type Auditor interface {
	// Record keeps an entry. It is called from many goroutines at once and must not keep e.
	Record(e *audit.Entry)
}

// audited writes down every request to what needs the token, those without it too.
func (o Options) audited(next http.Handler) http.Handler {
	if o.Audit == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := audit.Entry{
			Time: o.Clock.Now(), Action: "admin:" + actionOf(r.URL.Path), Principal: "admin token", Verified: true, TLS: r.TLS != nil, Decision: audit.Allowed,
		}
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			e.SourceIP = peer.Addr().Unmap().String()
		}
		a := &auditedWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(a, r)
		if e.Status, e.Resource = a.status, a.subject; a.status == http.StatusUnauthorized {
			e.Decision, e.Principal, e.Verified = audit.Denied, "", false
		}
		o.Audit.Record(&e)
	})
}

// actionOf names what a path is for: an operation on identities, backup, rewrap, reload-keyring, decide, profile or other.
func actionOf(path string) string {
	if name, ok := strings.CutPrefix(path, "/identities/"); ok && identityOperations[name] != nil {
		return name
	}
	switch {
	case path == "/backup":
		return "backup"
	case path == "/rewrap":
		return "rewrap"
	case path == "/reload-keyring":
		return "reload-keyring"
	case path == "/decide":
		return "decide"
	case strings.HasPrefix(path, "/debug/pprof/"):
		return "profile"
	}
	return "other"
}

// auditedWriter notes what the audit log is told.
type auditedWriter struct {
	http.ResponseWriter
	status  int
	subject string // what an operation on identities is about
}

func (w *auditedWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController set deadlines.
func (w *auditedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// about notes the names in the input of an operation on identities; there are secrets in it, too.
func about(w http.ResponseWriter, input []byte) {
	a, ok := w.(*auditedWriter)
	if !ok {
		return
	}
	var names struct{ Account, Group, User, Role, Policy, Name, ID string }
	if json.Unmarshal(input, &names) != nil {
		return
	}
	var parts []string
	for _, part := range [][2]string{{"account", names.Account}, {"group", names.Group}, {"user", names.User}, {"role", names.Role}, {"policy", names.Policy}, {"name", names.Name}, {"id", names.ID}} {
		if part[1] != "" {
			parts = append(parts, part[0]+"/"+part[1])
		}
	}
	a.subject = strings.Join(parts, " ")
}

// aboutKey notes the ID of the access key that an operation has made.
func aboutKey(w http.ResponseWriter, id string) {
	if a, ok := w.(*auditedWriter); ok {
		a.subject += " key/" + id
	}
}
