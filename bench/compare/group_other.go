//go:build !linux

package main

import "syscall"

// groupOfItsOwn puts a process into a group of its own.
func groupOfItsOwn() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
