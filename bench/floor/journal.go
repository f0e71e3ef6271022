package main

import (
	"fmt"
	"os"
	"sync"
)

// What an answer waits for.
const (
	growing      = "growing"
	preallocated = "preallocated"
	none         = "none"
)

// journal writes what requests hand it, in groups: all that came while the last group was synced is the next.
type journal struct {
	file *os.File
	mode string
	size int64 // of the preallocated file
	at   int64 // where the next group goes in it

	mu      sync.Mutex // guards what follows
	wake    sync.Cond
	pending []byte
	group   *group // that pending belongs to
	closed  bool
	stopped chan struct{}
}

// group is what is synced at once.
type group struct {
	done chan struct{}
	err  error
}

func openJournal(path, mode string, size int64) (*journal, error) {
	j := &journal{mode: mode, size: size, group: newGroup(), stopped: make(chan struct{})}
	j.wake.L = &j.mu
	flags := os.O_CREATE | os.O_TRUNC | os.O_WRONLY
	switch mode {
	case growing:
		flags |= os.O_APPEND
	case preallocated:
	case none:
		close(j.stopped)
		return j, nil
	default:
		return nil, fmt.Errorf("-sync is %q; it can be %s, %s or %s", mode, growing, preallocated, none)
	}
	var err error
	if j.file, err = os.OpenFile(path, flags, 0o600); err != nil {
		return nil, err
	}
	if mode == preallocated {
		zeros := make([]byte, 1<<20)
		for range size / int64(len(zeros)) {
			if _, err := j.file.Write(zeros); err != nil {
				return nil, err
			}
		}
		if err := j.file.Sync(); err != nil {
			return nil, err
		}
	}
	go j.run()
	return j, nil
}

func newGroup() *group { return &group{done: make(chan struct{})} }

// commit returns when record is on disk.
func (j *journal) commit(record []byte) error {
	if j.mode == none {
		return nil
	}
	j.mu.Lock()
	j.pending = append(j.pending, record...)
	g := j.group
	j.mu.Unlock()
	j.wake.Signal()
	<-g.done
	return g.err
}

func (j *journal) run() {
	defer close(j.stopped)
	var writing []byte
	for {
		j.mu.Lock()
		for len(j.pending) == 0 && !j.closed {
			j.wake.Wait()
		}
		if len(j.pending) == 0 {
			j.mu.Unlock()
			return
		}
		writing, j.pending = j.pending, writing[:0]
		g := j.group
		j.group = newGroup()
		j.mu.Unlock()
		g.err = j.write(writing)
		close(g.done)
	}
}

func (j *journal) write(b []byte) error {
	if j.mode == preallocated {
		if j.at+int64(len(b)) > j.size {
			j.at = 0
		}
		if _, err := j.file.WriteAt(b, j.at); err != nil {
			return err
		}
		j.at += int64(len(b))
	} else if _, err := j.file.Write(b); err != nil {
		return err
	}
	return syncData(j.file)
}

func (j *journal) close() {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.wake.Signal()
	<-j.stopped
	if j.file != nil {
		_ = j.file.Close()
	}
}
