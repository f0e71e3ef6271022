package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// tokenCharsMin is the shortest admin token that is accepted. One that the server makes has 26 characters, 130 random bits.
const tokenCharsMin = 16

// adminToken reads the token of the admin interface from a file, or makes the file, for its owner only. Without a file it returns a
// token that nobody knows.
func adminToken(file string, log *slog.Logger) (string, error) {
	if file == "" {
		return rand.Text(), nil
	}
	text, err := os.ReadFile(file)
	token := strings.TrimSpace(string(text))
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && token == "": // a crash may have left it empty
		return makeToken(file)
	case err != nil:
		return "", fmt.Errorf("read the admin token: %w; --admin-token-file chooses the file", err)
	case len(token) < tokenCharsMin:
		return "", fmt.Errorf("the admin token in %s has %d characters; it needs at least %d: write a longer one, or remove the file and the "+
			"server makes one", file, len(token), tokenCharsMin)
	case strings.ContainsFunc(token, unicode.IsSpace):
		return "", fmt.Errorf("%s has more than a token in it, with space between; write the token alone into it, or remove the file and the server makes one", file)
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o027 != 0 {
		log.Warn("others on this machine can read the admin token; make it readable by its owner alone (chmod 600)", "admin_token_file", file)
	}
	return token, nil
}

func makeToken(file string) (string, error) {
	token := rand.Text()
	tmp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.partial") // readable by its owner only
	if err == nil {
		_, err = tmp.WriteString(token + "\n")
		err = errors.Join(err, tmp.Sync(), tmp.Close())
		if err == nil {
			err = os.Rename(tmp.Name(), file)
		}
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}
	if err != nil {
		return "", fmt.Errorf("make the admin token: %w; --admin-token-file chooses another file", err)
	}
	return token, nil
}
