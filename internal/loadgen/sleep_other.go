//go:build !linux

package loadgen

import "time"

// preciseSleep sleeps for a short time, as precisely as the runtime can.
func preciseSleep(d time.Duration) { time.Sleep(d) }
