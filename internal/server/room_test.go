package server_test

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/config"
)

// TestANewDirectoryNeedsRoom starts with more wanted free than there is: with a new data directory, and with one that has a queue.
func TestANewDirectoryNeedsRoom(t *testing.T) {
	data := t.TempDir()
	const most = "1024GiB"
	if u, err := vfs.Default.GetDiskUsage(data); err != nil || u.AvailBytes > 1<<40 {
		t.Skipf("the disk has %d bytes free: %v", u.AvailBytes, err)
	}
	start := func(reserve string) (*node, error) {
		return startNodeWith(t, config.Sources{Flags: map[string]string{"data": data, "shards": "1", "disk-reserve": reserve}})
	}
	n, err := start(most)
	if err == nil {
		_ = n.close()
	}
	if err == nil || !strings.Contains(err.Error(), "disk-reserve (1048576 MiB)") {
		t.Fatalf("got %v, want an error that names disk-reserve", err)
	}
	if n, err = start("32MiB"); err != nil {
		t.Fatal(err)
	}
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
	if n, err = start(most); err != nil {
		t.Fatalf("a directory that was used before: %v", err)
	}
	if status := n.call("ListQueues", map[string]any{}, nil); status != 200 {
		t.Errorf("ListQueues is answered with %d", status)
	}
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
}
