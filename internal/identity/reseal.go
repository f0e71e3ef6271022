package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/staunchmq/staunch/internal/catalog"
)

// Resealed says what became of ResealKeys.
type Resealed struct {
	Resealed int64 // access keys whose secret was encrypted anew
	Failed   int64 // those whose secret could not be, and stays as it is
	Problem  error // of one of these
}

// ResealKeys encrypts the secret of every access key anew that is not under what the Sealer seals with now. Each is durable by itself:
// after an error, or a crash, those before it are done. The error says why it broke off.
func (s *Service) ResealKeys(ctx context.Context) (done Resealed, err error) {
	for k := range s.identities().Keys() {
		if outdated, err := s.sealer.Outdated(k.Sealed); err == nil && !outdated {
			continue
		}
		changed, err := s.resealKey(ctx, k.ID)
		switch unsealed := (*unsealedError)(nil); {
		case errors.As(err, &unsealed):
			done.Failed++
			done.Problem = err
		case err != nil:
			return done, err
		case changed:
			done.Resealed++
		}
	}
	return done, nil
}

// unsealedError is what the Sealer says of the secret of an access key.
type unsealedError struct {
	id  string
	err error
}

func (e *unsealedError) Error() string { return fmt.Sprintf("access key %s: %v", e.id, e.err) }
func (e *unsealedError) Unwrap() error { return e.err }

// resealKey encrypts the secret of an access key anew, if it is there and needs it.
func (s *Service) resealKey(ctx context.Context, id string) (changed bool, err error) {
	err = s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		k := ids.Key(id)
		if k == nil {
			return nil, nil
		}
		outdated, err := s.sealer.Outdated(k.Sealed)
		if err != nil || !outdated {
			return nil, unsealed(id, err)
		}
		secret, err := s.sealer.Open(k.Sealed, sealContext(k))
		if err != nil {
			return nil, unsealed(id, err)
		}
		anew := *k
		if anew.Sealed, err = s.sealer.Seal(secret, sealContext(k)); err != nil {
			return nil, unsealed(id, err)
		}
		changed = true
		return catalog.PutAccessKey{Key: anew}, nil
	})
	return changed && err == nil, err
}

func unsealed(id string, err error) error {
	if err == nil {
		return nil
	}
	return &unsealedError{id, err}
}

// Settle returns when every change that was begun before is durable, or never will be.
func (s *Service) Settle(ctx context.Context) error {
	return s.update(ctx, func(*catalog.Identities) (catalog.Change, error) { return nil, nil })
}
