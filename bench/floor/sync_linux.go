package main

import (
	"os"
	"syscall"
)

// syncData syncs content and size of a file.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
