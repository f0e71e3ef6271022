// Package disk measures what a disk takes for one fsync: the yardstick of everything durable.
package disk

import (
	"os"
	"slices"
	"time"
)

// Fsync writes 4 KiB to the end of a new file in a directory and fsyncs it, so many times, and returns how long that took: the middle, and
// what 99 of 100 are below.
func Fsync(dir string, times int) (p50, p99 time.Duration, err error) {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return 0, 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	took := make([]time.Duration, times)
	block := make([]byte, 4096)
	for i := range took {
		begin := time.Now()
		if _, err := f.Write(block); err != nil {
			return 0, 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, 0, err
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return took[times/2], took[times*99/100], nil
}
