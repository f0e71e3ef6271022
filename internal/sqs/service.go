package sqs

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/lifecycle"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// Options are what a Service is made of. Catalog and Shards are required.
type Options struct {
	// Catalog is attached to the log of Shards[0].
	Catalog *catalog.Catalog
	// Shards are all shards, in the order of the numbers that the catalog knows them by. There must not be fewer than the
	// server ever had with this data.
	Shards []shard.Client
	// Keys encrypt messages; nil means a keyring with the built-in keys alone.
	Keys *keyring.Keyring
	// Clock is the system's if nil.
	Clock clock.Clock
	// RecreateDelay is how long a deleted queue's name stays blocked (AWS: 60 s); 0 for not at all.
	RecreateDelay time.Duration
	// PurgeInterval is the time that must pass between two purges of a queue (AWS: 60 s); 0 for none.
	PurgeInterval time.Duration
	// NewMessageID makes message IDs, and the IDs of move tasks; random UUIDs if nil. It must be safe for concurrent use.
	NewMessageID func() queue.MessageID
	// BeforeConfigure, if set, is called before a partition gets its queue's settings, by whoever is about to do it. Calls that come
	// at once take turns in the order in which it returns: simulations decide that order.
	BeforeConfigure func(ctx context.Context, p queue.ID)
	// Exists tells whether the user or role with an ARN is there, or with the ARN of a root, its account; nil if that is not for this server to
	// know. ids are those of the View in which a policy is to be saved.
	Exists func(ids *catalog.Identities, arn string) bool
	// Logger is slog.Default() if nil.
	Logger *slog.Logger
}

// Service is Amazon SQS. It answers ServiceUnavailable until Run has brought shards and catalog in line.
type Service struct {
	catalog       *catalog.Catalog
	shards        []shard.Client
	keys          *keyring.Keyring
	clock         clock.Clock
	recreateDelay time.Duration
	purgeInterval time.Duration
	exists        func(ids *catalog.Identities, arn string) bool // nil if nobody knows
	newMessageID  func() queue.MessageID
	log           *slog.Logger

	sealer       *sealer
	configurator configurator
	carrier      *carrier
	tasks        taskRunner
	// work has a token when there is something to mend.
	work chan struct{}

	// handles is set before started is closed, and not changed after that.
	handles *handleSigner
	started chan struct{}
	// lastError is why the start has not succeeded yet.
	lastError atomic.Pointer[error]
}

var _ api.SQS = (*Service)(nil)

// New returns a service that has not started: Run does that.
func New(o Options) *Service {
	s := &Service{
		catalog:       o.Catalog,
		shards:        o.Shards,
		keys:          o.Keys,
		clock:         o.Clock,
		recreateDelay: o.RecreateDelay,
		purgeInterval: o.PurgeInterval,
		exists:        o.Exists,
		newMessageID:  o.NewMessageID,
		log:           o.Logger,
		configurator:  newConfigurator(o.BeforeConfigure),
		carrier:       newCarrier(),
		tasks:         newTaskRunner(),
		work:          make(chan struct{}, 1),
		started:       make(chan struct{}),
	}
	if s.clock == nil {
		s.clock = clock.System()
	}
	if s.newMessageID == nil {
		s.newMessageID = newMessageID
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.keys == nil {
		s.keys = keyring.New()
	}
	s.sealer = newSealer(s.keys, s.clock)
	return s
}

// newMessageID returns a random UUID of version 4. It has to be unique, and need not be secret: receipt handles are signed. So the
// runtime's generator will do, which asks the kernel for its seed alone: 1 % of the server's CPU in sends and 3 % in batches.
func newMessageID() (id queue.MessageID) {
	binary.LittleEndian.PutUint64(id[:8], mathrand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], mathrand.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// Run brings the shards in line with the catalog, lets the service answer, and then does its background work: it repeats what has
// failed for the moment, and runs message move tasks. It blocks until ctx ends and everything it started has stopped, and returns
// nil then. It must be called once.
func (s *Service) Run(ctx context.Context) error {
	if err := s.start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	group := lifecycle.New(ctx)
	group.Go("sqs: mend", s.mend)
	s.tasks.attach(group)
	for task := range s.catalog.View().ActiveTasks() {
		s.runTask(task)
	}
	close(s.started)
	err := group.Wait()
	s.tasks.detach()
	return err
}

// start reconciles until it succeeds, ctx ends, or there is no point in trying again.
func (s *Service) start(ctx context.Context) error {
	wait := backoff{first: 100 * time.Millisecond, max: 5 * time.Second}
	for {
		err := s.reconcile(ctx)
		if err == nil {
			return nil
		}
		if errors.Is(err, errMissingShard) || errors.Is(err, errKeyring) {
			return err
		}
		s.lastError.Store(&err)
		if !wait.sleep(ctx, s.clock) {
			return ctx.Err()
		}
		s.log.Warn("queues are not ready yet, trying again", "error", err)
	}
}

// Started returns a channel that is closed when the service answers requests.
func (s *Service) Started() <-chan struct{} { return s.started }

// Ready returns nil if the service answers requests, and otherwise what it waits for.
func (s *Service) Ready() error {
	select {
	case <-s.started:
		return nil
	default:
	}
	if err := s.lastError.Load(); err != nil {
		return fmt.Errorf("queues are not ready: %w", *err)
	}
	return errors.New("queues are not ready: still comparing the shards with the catalog")
}

// now returns the time in Unix ms.
func (s *Service) now() int64 { return s.clock.Now().UnixMilli() }

// ensureSecret makes the secret of a new server, and from it the signer of receipt handles and the built-in keys.
func (s *Service) ensureSecret(ctx context.Context) error {
	if err := s.catalog.EnsureSecret(ctx, rand.Reader); err != nil {
		return err
	}
	secret := s.catalog.View().Secret()
	s.handles = newHandleSigner(secret)
	return s.keys.UseBuiltin(secret)
}

// errKeyring: the catalog says that another keyring was used.
var errKeyring = errors.New("the data was encrypted with another keyring")

// ensureKeyring remembers which keyring encrypts, and fails if that lacks the keys of the one before: messages would be there that
// cannot be read, and without a keyring new ones would be encrypted with keys that lie beside them.
func (s *Service) ensureKeyring(ctx context.Context) error {
	return s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
		before, now := v.Keyring(), s.keys.Identity()
		switch {
		case before == now:
			return nil, nil
		case !s.keys.Follows(before):
			return nil, fmt.Errorf("%w: start with the one that has the key %s. If it is lost, so is what it has encrypted: "+
				"start once with --keyring built-in to go on without it", errKeyring, before)
		}
		return catalog.SetKeyring{Key: now}, nil
	})
}

// errPanicked is how work ended that did not come to its end.
var errPanicked = errors.New("panicked")

// guarded calls fn and turns a panic into an error: background work that meets a defect must not take the server with it.
func guarded(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &lifecycle.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return fn()
}

// backoff makes the times between attempts: first, doubling, up to max.
type backoff struct {
	first, max, next time.Duration
}

// sleep waits for the next time between attempts. It returns false if ctx ended first.
func (b *backoff) sleep(ctx context.Context, c clock.Clock) bool {
	b.next = min(max(b.first, 2*b.next), b.max)
	timer := c.NewTimer(b.next)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}

// forEach calls fn for each item, several at a time so that their commits share records, and returns all errors joined.
func forEach[T any](items []T, fn func(T) error) error {
	const atOnce = 32
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
		next atomic.Int64
	)
	for range min(atOnce, len(items)) {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(items) {
					return
				}
				if err := guarded(func() error { return fn(items[i]) }); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
