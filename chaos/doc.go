// Package chaos runs the real binary as a process, disturbs it, and checks what clients saw.
//
// Writers and consumers record a history of what they asked and what was answered. However often the server is killed, restarted or
// paused, the history must keep the rules of history.go: nothing acknowledged is lost, nothing comes back after its acknowledged
// delete, visibility timeouts do not overlap, receive counts are exact, FIFO groups keep their order and have one holder, and a
// message is in its queue or in the dead-letter queue. So it must while the disk is full (full_linux_test.go). Small histories are
// given to porcupine (linear_test.go). Nothing in this package is imported by the server.
package chaos
