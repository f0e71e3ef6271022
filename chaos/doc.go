// Package chaos runs the real binary as a process, kills it, and checks what clients saw.
//
// Writers and consumers record a history of what they asked and what was answered. However often the server dies, the history
// must show that no acknowledged message is lost, no message comes back after its acknowledged delete, no message is handed out
// twice within its visibility timeout, receive counts only grow, and every FIFO group is delivered in the order of its sends, with
// repeated sends deduplicated across restarts. The checks are in history.go; nothing in this package is imported by the server.
package chaos
