package version_test

import (
	"runtime"
	"testing"

	"github.com/staunchmq/staunch/internal/version"
)

func TestReadKnowsGoAndPlatform(t *testing.T) {
	got := version.Read()
	if got.Version != "devel" || got.Go != runtime.Version() || got.Platform != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("Read() = %+v", got)
	}
}

func TestString(t *testing.T) {
	tests := []struct {
		name string
		info version.Info
		want string
	}{
		{"release", version.Info{Version: "1.2.3", Go: "go1.26.8", Platform: "linux/amd64"}, "1.2.3 go1.26.8 linux/amd64"},
		{
			"clone",
			version.Info{Version: "devel", Commit: "0123456789abcdef0123", Modified: true, Go: "go1.26.8", Platform: "linux/arm64"},
			"devel (commit 0123456789ab, modified) go1.26.8 linux/arm64",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.info.String(); got != test.want {
				t.Errorf("String() = %q, want %q", got, test.want)
			}
		})
	}
}
