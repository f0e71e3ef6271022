package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/staunchmq/staunch/internal/shard"
)

// Catalog is the state of all definitions. Give it to shard 0 as its shard.Definitions, then Attach that shard's log.
type Catalog struct {
	view atomic.Pointer[View]

	// writing holds a token while nobody decides. Who has taken it may use the fields below.
	writing chan struct{}
	log     shard.DefinitionLog
	// uncertain is true after an append whose outcome is not known: it may still be applied.
	uncertain bool
}

var _ shard.Definitions = (*Catalog)(nil)

// New returns an empty catalog that cannot be changed until Attach.
func New() *Catalog {
	c := &Catalog{writing: make(chan struct{}, 1)}
	c.view.Store(emptyView())
	c.writing <- struct{}{}
	return c
}

// Attach gives the catalog the log through which it changes.
func (c *Catalog) Attach(log shard.DefinitionLog) {
	<-c.writing
	c.log = log
	c.writing <- struct{}{}
}

// View returns the newest view. It is safe to call at any time and waits for nobody.
func (c *Catalog) View() *View { return c.view.Load() }

// Update decides on a change and commits it. No other decision is made meanwhile, so what decide sees is what the change acts on.
// A nil Change means that there is nothing to do. Update returns after the change is durable and in the View; errors of decide
// come through unchanged, and with them nothing has changed. After an error of the log that does not say that nothing was changed
// (shard.ErrUnavailable), the change may still take effect.
//
// ctx bounds the wait for other writers. An append that was begun is waited for: the next decision must see its outcome.
func (c *Catalog) Update(ctx context.Context, decide func(*View) (Change, error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-c.writing:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { c.writing <- struct{}{} }()

	ctx = context.WithoutCancel(ctx)
	if err := c.settle(ctx); err != nil {
		return err
	}
	change, err := decide(c.View())
	if err != nil || change == nil {
		return err
	}
	return c.append(ctx, change)
}

// settle makes sure that the View holds everything that was ever appended.
func (c *Catalog) settle(ctx context.Context) error {
	switch {
	case c.log == nil:
		return errors.New("the catalog has no log yet")
	case !c.uncertain:
		return nil
	}
	if err := c.append(ctx, barrier{}); err != nil {
		return err
	}
	c.uncertain = false
	return nil
}

func (c *Catalog) append(ctx context.Context, change Change) error {
	data, err := encodeChange(change)
	if err != nil {
		return err
	}
	if err := c.log.AppendDefinition(ctx, data, grows(change)); err != nil {
		if !errors.Is(err, shard.ErrDiskFull) { // that says that nothing was changed
			c.uncertain = true
		}
		return fmt.Errorf("append change %s of the catalog: %w", change.kind(), err)
	}
	return nil
}

// grows reports whether a change needs more room than it may free. What can be deleted can be so when the disk is nearly full, tasks go
// on to their ends, and a server can start.
func grows(change Change) bool {
	switch c := change.(type) {
	case SetAttributes:
		return !c.Frees
	case PutRole:
		return !c.Frees
	case DeleteQueue, SetTask, SetKeyring, barrier, DeleteAccount, DeleteUser, DeleteGroup, DeleteRole, DeletePolicy, DeleteAccessKey:
		return false
	default:
		return true
	}
}

// EnsureSecret sets the secret of a new catalog from random; one that has a secret keeps it.
func (c *Catalog) EnsureSecret(ctx context.Context, random io.Reader) error {
	const size = 32
	return c.Update(ctx, func(v *View) (Change, error) {
		if v.Secret() != nil {
			return nil, nil
		}
		secret := make([]byte, size)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, fmt.Errorf("make the secret for receipt handles: %w", err)
		}
		return SetSecret{Secret: secret}, nil
	})
}

// Apply implements shard.Definitions.
func (c *Catalog) Apply(data []byte) error {
	change, err := decodeChange(data)
	if err != nil {
		return err
	}
	next := c.View().copy()
	if err := change.apply(next); err != nil {
		return fmt.Errorf("apply change %s to the catalog: %w", change.kind(), err)
	}
	c.view.Store(next)
	return nil
}
