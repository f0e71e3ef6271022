package main

import "syscall"

// groupOfItsOwn puts a process into a group of its own, that dies with this one.
func groupOfItsOwn() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
