//go:build unix

package keyring

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestChangeKeepsOwnerAndMode: a server that is in the group of the file can read it after a change, too.
func TestChangeKeepsOwnerAndMode(t *testing.T) {
	path := newFile(t)
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 {
		uid, gid = 12345, 23456
		must(t, os.Chown(path, uid, gid))
	}
	must(t, os.Chmod(path, 0o640))
	must(t, Change(t.Context(), path, Rotate("orders", created)))
	info, err := os.Stat(path)
	must(t, err)
	if s := info.Sys().(*syscall.Stat_t); info.Mode() != 0o640 || int(s.Uid) != uid || int(s.Gid) != gid {
		t.Errorf("after a change it has mode %v, user %d and group %d; want 0640, %d and %d", info.Mode(), s.Uid, s.Gid, uid, gid)
	}
}

// TestChangeKeepsALink: a keyring is often a link into the directory that keeps it.
func TestChangeKeepsALink(t *testing.T) {
	path := newFile(t)
	link := filepath.Join(t.TempDir(), "ring.yaml")
	must(t, os.Symlink(path, link))
	before, err := os.ReadFile(path)
	must(t, err)
	must(t, Change(t.Context(), link, Rotate("orders", created)))
	info, err := os.Lstat(link)
	must(t, err)
	if after, err := os.ReadFile(path); err != nil || bytes.Equal(before, after) || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link has mode %v; its file changed: %t, %v", info.Mode(), !bytes.Equal(before, after), err)
	}
}

// others is what Stat says about a file of somebody else.
type others struct {
	fs.FileInfo
	stat syscall.Stat_t
}

func (o others) Sys() any { return &o.stat }

func TestKeepOwnerRefuses(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may give files away")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "new"))
	must(t, err)
	defer f.Close()
	info, err := f.Stat()
	must(t, err)
	stat := *info.Sys().(*syscall.Stat_t)
	stat.Uid++
	if err := keepOwner(f, others{info, stat}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a file of somebody else: %v", err)
	}
}
