package loadgen

import (
	"syscall"
	"time"
)

// preciseSleep sleeps for a short time. The Go runtime rounds timers up to milliseconds when it is idle (epoll), the kernel's own are good to
// about 60 microseconds.
func preciseSleep(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
