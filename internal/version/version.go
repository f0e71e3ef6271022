// Package version says which build of Staunch this is.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version of a released binary. Release builds set it: go build -ldflags "-X
// github.com/staunchmq/staunch/internal/version.release=1.2.3". It is a variable because the linker can set nothing else.
var release string

// Info describes a build. Its JSON form is what `staunch version -o json` prints.
type Info struct {
	Version  string `json:"version"`          // "1.2.3" of a release, else "devel"
	Commit   string `json:"commit,omitempty"` // the full revision; empty when the build does not know it
	Modified bool   `json:"modified"`         // the working tree differed from the commit
	Go       string `json:"go"`               // the Go release, such as "go1.26.8"
	Platform string `json:"platform"`         // operating system and processor, such as "linux/amd64"
}

// Read returns the description of the running program, as far as the build recorded it. `go build` in a clone records
// the commit; `go run` does not.
func Read() Info {
	info := Info{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if release != "" {
		info.Version = release
	}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	for _, setting := range build.Settings {
		switch setting.Key {
		case "vcs.revision":
			info.Commit = setting.Value
		case "vcs.modified":
			info.Modified = setting.Value == "true"
		}
	}
	return info
}

// String returns one line for people: "devel (commit 1a2b3c4d5e6f, modified) go1.26.8 linux/amd64".
func (i Info) String() string {
	commit := ""
	if i.Commit != "" {
		commit = fmt.Sprintf(" (commit %.12s", i.Commit)
		if i.Modified {
			commit += ", modified"
		}
		commit += ")"
	}
	return i.Version + commit + " " + i.Go + " " + i.Platform
}
