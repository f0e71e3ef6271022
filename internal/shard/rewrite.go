package shard

import (
	"context"
	"errors"
	"sync"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// ErrRewriting means that the shard rewrites contents already.
var ErrRewriting = errors.New("the shard is rewriting messages already")

// A RewriteFunc returns what is to be stored of a message instead of its content, or nil where that stays as it is. With an error the
// content stays, and counts as failed. It is called from goroutines of the shard, one at a time and perhaps once more after Rewrite has
// returned, also for messages that have gone, and must not keep content.
type RewriteFunc func(id queue.MessageID, content []byte) ([]byte, error)

// Rewritten says what became of a Rewrite.
type Rewritten struct {
	Rewritten int64 // messages with a new content
	Failed    int64 // messages whose RewriteFunc failed
	Err       error // of one of these
}

// Rewrite copies forward every message that there is when it is called and that f has another content for: the messages stay what they
// are, and are read from a later record from then on. The old records are trimmed in time, as others are. It reads the journal once, at
// CleanRate, while the shard serves. It returns when the new contents are durable. It fails with ErrRewriting while another one runs, and
// with ErrDiskFull when room gets scarce; after any error but the first some may be rewritten. When ctx ends, it ends early.
func (s *Shard) Rewrite(ctx context.Context, f RewriteFunc) (Rewritten, error) {
	r := &rewrite{asked: newAsked(), ctx: ctx, f: f}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return Rewritten{}, err
	}
	return r.done, nil
}

// rewrite is carried out as a plan of cleaning, which covers all records. The plan is made at a checkpoint, and made anew if the
// state is.
type rewrite struct {
	asked
	ctx  context.Context
	mu   sync.Mutex // held while f is called: what reads for a plan that was dropped may not have ended yet
	f    RewriteFunc
	done Rewritten
}

func (r *rewrite) decide(s *Shard) {
	switch {
	case s.noWaits:
		r.answer(ErrUnavailable)
	case s.rewriting != nil && s.rewriting.ctx.Err() == nil:
		r.answer(ErrRewriting)
	case s.last == 0:
		s.hold(r) // there is nothing, and no checkpoint can be taken of it
	default:
		s.endRewrite(context.Canceled)
		s.rewriting = r
		s.rouse() // for the checkpoint that plans it
	}
}

// apply gives a message that was found its new content, and reports whether there is one or an error.
func (r *rewrite) apply(f *foundMessage) bool {
	r.mu.Lock()
	content, err := r.f(f.message.ID, f.message.Content)
	r.mu.Unlock()
	f.err = err
	if content != nil {
		f.bytes += int64(len(content) - len(f.message.Content))
		f.message.Content = content
	}
	return content != nil || err != nil
}

func (r *rewrite) failed(err error) {
	r.done.Failed++
	r.done.Err = err
}

// rewriteWaits reports whether there is something to rewrite for which no plan was made.
func (s *Shard) rewriteWaits() bool { return s.rewriting != nil && s.cleaning == nil }

// lookAtRewrite ends what nobody waits for any more, and what there is no room for: it would wait, and no plan that makes room be made.
func (s *Shard) lookAtRewrite() {
	switch r := s.rewriting; {
	case r == nil:
	case r.ctx.Err() != nil:
		s.endRewrite(r.ctx.Err())
	case s.room != journal.RoomForAll:
		s.endRewrite(ErrDiskFull)
	}
}

// rewritten ends the rewrite that a plan was for, when all before it is durable.
func (s *Shard) rewritten(c *cleaning) {
	if c.rewrite == nil || c.rewrite != s.rewriting {
		return
	}
	s.rewriting = nil
	s.hold(c.rewrite)
}

// endRewrite gives up what is being rewritten.
func (s *Shard) endRewrite(err error) {
	r := s.rewriting
	if r == nil {
		return
	}
	s.rewriting = nil
	if s.cleaning != nil && s.cleaning.rewrite == r {
		s.cleaning = nil
	}
	r.answer(err)
}
