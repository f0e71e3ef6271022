package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// guard asks for the token: Authorization: Bearer TOKEN. Whoever has it may do everything, so there is nothing else to decide.
type guard struct {
	token [sha256.Size]byte // hashed, so that the comparison takes as long whatever the length is
	none  bool              // there is no token, so nobody has it
	next  http.Handler
}

func newGuard(token string, next http.Handler) http.Handler {
	return &guard{token: sha256.Sum256([]byte(token)), none: token == "", next: next}
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	given := sha256.Sum256([]byte(token))
	if !ok || g.none || subtle.ConstantTimeCompare(given[:], g.token[:]) != 1 {
		w.Header().Set("WWW-Authenticate", `Bearer realm="staunch admin"`)
		text := "this needs the admin token: Authorization: Bearer TOKEN. It is in the file that the setting admin-token-file names.\n"
		if ok {
			text = "this is not the admin token of this server\n"
		}
		answer(w, http.StatusUnauthorized, text)
		return
	}
	g.next.ServeHTTP(w, r)
}
