package access

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/iam"
)

// queuePolicies remembers what was made of the policies of queues.
type queuePolicies struct {
	log *slog.Logger
	// byQueue has a *guarded for each *catalog.Queue. A queue that is changed is another *catalog.Queue.
	byQueue sync.Map
	count   atomic.Int64
}

// guarded is a queue as policies see it.
type guarded struct {
	arn    string
	policy *iam.Policy // nil if it has none
}

// sweptMin is how many queues are remembered before it is looked for those that are no more.
const sweptMin = 1024

// of returns a queue of a view as policies see it.
func (p *queuePolicies) of(v *catalog.View, q *catalog.Queue) *guarded {
	if g, ok := p.byQueue.Load(q); ok {
		return g.(*guarded)
	}
	g := &guarded{arn: arn.Queue(q.Region, q.Account, q.Name).String()}
	if q.Attributes.Policy != "" {
		policy, err := iam.Parse(q.Attributes.Policy, iam.ResourcePolicy)
		if err != nil {
			p.log.Error("a queue's policy cannot be read, so it denies everything to all but the owner's root; set another one",
				"queue", g.arn, "error", err)
			policy = iam.Unreadable(iam.ResourcePolicy)
		}
		g.policy = policy.Named("policy of " + g.arn)
	}
	if _, known := p.byQueue.LoadOrStore(q, g); !known && p.count.Add(1) > max(sweptMin, 2*int64(v.Len())) {
		p.sweep(v)
	}
	return g
}

// sweep forgets queues that are not those of a view.
func (p *queuePolicies) sweep(v *catalog.View) {
	p.byQueue.Range(func(key, _ any) bool {
		if q := key.(*catalog.Queue); v.Queue(q.ID) != q {
			if _, was := p.byQueue.LoadAndDelete(q); was {
				p.count.Add(-1)
			}
		}
		return true
	})
}

// sessionPolicies remembers what was made of the policies of sessions.
type sessionPolicies struct {
	mu     sync.RWMutex
	byText map[string][]*iam.Policy // guarded by mu
}

// sessionsMax is how many policies of sessions are remembered.
const sessionsMax = 1024

// of returns the policy of a session; nil if it has none.
func (p *sessionPolicies) of(text string) []*iam.Policy {
	if text == "" {
		return nil
	}
	p.mu.RLock()
	policies := p.byText[text]
	p.mu.RUnlock()
	if policies != nil {
		return policies
	}
	policy, err := iam.Parse(text, iam.IdentityPolicy)
	if err != nil { // it was checked when the session began
		policy = iam.Unreadable(iam.IdentityPolicy)
	}
	policies = []*iam.Policy{policy.Named("session policy")}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byText == nil || len(p.byText) >= sessionsMax {
		p.byText = make(map[string][]*iam.Policy)
	}
	p.byText[text] = policies
	return policies
}
