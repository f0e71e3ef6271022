package queue

import (
	"cmp"
	"slices"
)

// model is a second, naive implementation of reference/sqs.md 7 to 10: one list of messages that every question walks through.
// Where that text leaves a choice, the model makes Staunch's:
//
//   - A standard queue hands out by place in line: the time of sending; for a message that became visible again after three or
//     more receives, that time; for one that was moved here and never received since, its arrival.
//   - FIFO groups take turns by the time at which their first message became visible, then by its Ref.
//   - A group goes on after its dead letters when they have gone. One receive moves at most 100.
type model struct {
	settings Settings
	now      int64
	purged   int64
	messages []*modelMessage // in order of Ref
	accepted []modelAccepted
	attempts []*modelAttempt
	origins  []Origin
}

type modelMessage struct {
	Message
	ref       Ref
	fresh     bool  // arrived from another queue, and visible since
	received  int64 // the latest receive here
	invisible int64 // not visible before: end of its own delay, or of the visibility timeout; 0 for neither
	flying    bool  // invisible is the end of a visibility timeout
	back      int64 // when it became visible, if ever that was an event
	moving    bool
	target    ID
	at        Ref // where it was copied to; zero before
}

// place returns where the content is.
func (x *modelMessage) place() Ref {
	if x.at != (Ref{}) {
		return x.at
	}
	return x.ref
}

func (x *modelMessage) delivery() Delivery {
	return Delivery{Handle: Handle{Ref: x.ref, Receives: x.Receives}, At: x.place(), FirstReceived: x.FirstReceived}
}

type modelAccepted struct {
	group, dedup string
	ref          Ref
	id           MessageID
	at           int64
}

type modelAttempt struct {
	id       string
	at       int64
	messages []*modelMessage
	broken   bool
}

// advance lets time pass.
func (m *model) advance(now int64) {
	m.now = now
	for _, x := range m.messages {
		if x.invisible != 0 && x.invisible <= now {
			m.reveal(x, x.invisible)
		}
	}
	for _, x := range slices.Clone(m.messages) {
		if x.Sent+m.settings.Retention <= now {
			m.remove(x)
		}
	}
	m.accepted = slices.DeleteFunc(m.accepted, func(a modelAccepted) bool { return a.at+5*60_000 <= now })
	m.attempts = slices.DeleteFunc(m.attempts, func(a *modelAttempt) bool { return a.broken || a.at+5*60_000 <= now })
}

// reveal makes a message visible at a certain time.
func (m *model) reveal(x *modelMessage, at int64) {
	m.touch(x)
	x.fresh, x.invisible, x.flying, x.moving, x.back = false, 0, false, false, at
}

// touch makes the attempts that the message belongs to unrepeatable.
func (m *model) touch(x *modelMessage) {
	for _, a := range m.attempts {
		a.broken = a.broken || slices.Contains(a.messages, x)
	}
}

func (m *model) remove(x *modelMessage) {
	m.touch(x)
	m.messages = slices.DeleteFunc(m.messages, func(y *modelMessage) bool { return x == y })
}

// visible reports whether nothing about the message itself keeps it from being received.
func (m *model) visible(x *modelMessage) bool { return !x.moving && x.invisible == 0 && !m.hidden(x) }

// hidden reports whether the delay of a FIFO queue hides the message: from its sending, as the delay is now. What became visible
// by something else before (it came back from a receive, or arrived from another queue) is not delayed.
func (m *model) hidden(x *modelMessage) bool {
	return m.settings.FIFO && !x.moving && x.back == 0 && x.Sent+m.settings.Delay > m.now
}

func (m *model) place(x *modelMessage) int64 {
	switch {
	case m.settings.FIFO && x.back != 0, !m.settings.FIFO && (x.fresh || x.Receives >= 3):
		return x.back
	}
	return x.Sent
}

func (m *model) find(ref Ref) *modelMessage {
	for _, x := range m.messages {
		if x.ref == ref {
			return x
		}
	}
	return nil
}

// duplicate returns the accepted send that makes this one a duplicate, if any: the latest within the window.
func (m *model) duplicate(group, dedup string) (found modelAccepted, ok bool) {
	for _, a := range m.accepted {
		if m.settings.FIFO && a.dedup == dedup && (a.group == group || !m.settings.DeduplicateByGroup) {
			found, ok = a, true
		}
	}
	return found, ok
}

// send adds a message that is not a duplicate.
func (m *model) send(ref Ref, message Message, delay *int64) {
	x := &modelMessage{Message: message, ref: ref}
	x.Sent = m.now
	if m.settings.FIFO {
		m.accepted = append(m.accepted, modelAccepted{group: x.Group, dedup: x.DeduplicationID, ref: ref, id: x.ID, at: m.now})
	} else {
		d := m.settings.Delay
		if delay != nil {
			d = *delay
		}
		if d > 0 {
			x.invisible = m.now + d
		}
	}
	m.messages = append(m.messages, x)
}

// receive says what a receive hands out and which dead letters it finds.
func (m *model) receive(limit int, visibility *int64, attempt string) (taken, dead []*modelMessage, err error) {
	v := m.settings.VisibilityTimeout
	if visibility != nil {
		v = *visibility
	}
	for _, a := range m.attempts {
		if attempt != "" && a.id == attempt && !a.broken {
			for _, x := range a.messages {
				if v > 0 {
					x.invisible = m.now + v
				} else {
					m.reveal(x, m.now)
				}
			}
			return a.messages, nil, nil
		}
	}
	room := 120_000 - m.count(func(x *modelMessage) bool { return x.flying })
	if room <= 0 {
		if m.settings.FIFO {
			return nil, nil, nil
		}
		return nil, nil, ErrInFlightLimit
	}
	taken, dead = m.choose(min(limit, room), m.settings.MaxReceives)
	for _, x := range dead {
		x.moving, x.target = true, m.settings.DeadLetter
	}
	for _, x := range taken {
		x.Receives++
		x.received = m.now
		if x.FirstReceived == 0 {
			x.FirstReceived = m.now
		}
		m.hide(x, v)
	}
	if attempt != "" && len(taken) > 0 && v > 0 {
		m.attempts = append(m.attempts, &modelAttempt{id: attempt, at: m.now, messages: taken})
	}
	return taken, dead, nil
}

// hide makes a message invisible for so long.
func (m *model) hide(x *modelMessage, timeout int64) {
	m.reveal(x, m.now)
	if timeout > 0 {
		x.invisible, x.flying = m.now+timeout, true
	}
}

// choose picks the messages of a receive, or of a move (without a limit of receives).
func (m *model) choose(limit int, maxReceives uint32) (taken, dead []*modelMessage) {
	for _, x := range m.line(maxReceives) {
		if len(taken) == limit || len(dead) == 100 {
			break
		}
		if m.isDead(x, maxReceives) {
			dead = append(dead, x)
		} else {
			taken = append(taken, x)
		}
	}
	return taken, dead
}

func (m *model) isDead(x *modelMessage, maxReceives uint32) bool {
	return maxReceives > 0 && x.Receives >= maxReceives
}

// line returns all that could be received now, in the order in which it would be.
func (m *model) line(maxReceives uint32) []*modelMessage {
	if m.settings.FIFO {
		return m.lineFIFO(maxReceives)
	}
	var line []*modelMessage
	for _, x := range m.messages {
		if m.visible(x) {
			line = append(line, x)
		}
	}
	noise := make(map[string]int)
	for _, name := range m.groups() {
		noise[name] = m.noise(name)
	}
	slices.SortFunc(line, func(a, b *modelMessage) int {
		x, y := noise[a.Group], noise[b.Group]
		byGroup := 0
		if x > 0 && x == y {
			byGroup = cmp.Compare(b.Group, a.Group) // a noisy group is emptied before the next one; which, is a free choice
		}
		return cmp.Or(cmp.Compare(x, y), byGroup, cmp.Compare(m.place(a), m.place(b)), a.ref.Compare(b.ref))
	})
	return line
}

// noise returns 0 for a quiet group, and for a noisy one how many messages it has in flight.
func (m *model) noise(group string) int {
	flying := m.count(func(x *modelMessage) bool { return x.flying })
	n := m.count(func(x *modelMessage) bool { return x.flying && x.Group == group })
	if group == "" || n < 30 || n*10 <= flying {
		return 0
	}
	return n
}

// lineFIFO: of each group the longest prefix of its messages that are all visible. Behind a dead letter only dead letters go.
func (m *model) lineFIFO(maxReceives uint32) []*modelMessage {
	var turns [][]*modelMessage
	for _, name := range m.groups() {
		var prefix []*modelMessage
		for _, x := range m.messages {
			if x.Group != name {
				continue
			}
			n := len(prefix)
			if !m.visible(x) || n > 0 && m.isDead(prefix[n-1], maxReceives) && !m.isDead(x, maxReceives) {
				break
			}
			prefix = append(prefix, x)
		}
		if len(prefix) > 0 {
			turns = append(turns, prefix)
		}
	}
	slices.SortFunc(turns, func(a, b []*modelMessage) int {
		return cmp.Or(cmp.Compare(m.place(a[0]), m.place(b[0])), a[0].ref.Compare(b[0].ref))
	})
	return slices.Concat(turns...)
}

func (m *model) groups() (names []string) {
	for _, x := range m.messages {
		if !slices.Contains(names, x.Group) {
			names = append(names, x.Group)
		}
	}
	return names
}

func (m *model) delete(h Handle) error {
	x := m.find(h.Ref)
	if x == nil {
		return nil
	}
	if m.settings.FIFO && (!x.flying || x.Receives != h.Receives) {
		return ErrHandleExpired
	}
	m.remove(x)
	return nil
}

func (m *model) changeVisibility(c VisibilityChange) error {
	x := m.find(c.Handle.Ref)
	switch {
	case x == nil || x.moving:
		return ErrNotAvailable
	case (m.settings.FIFO || c.Until != 0) && (!x.flying || x.Receives != c.Handle.Receives):
		return ErrNotAvailable
	case c.Until != 0 && c.Until != x.invisible:
		return ErrNotAvailable
	case (m.now-x.received)/1000+c.Timeout/1000 > 43_200:
		return ErrVisibilityTotal
	}
	m.hide(x, c.Timeout)
	return nil
}

func (m *model) purge(interval int64) error {
	if m.purged != 0 && m.now < m.purged+interval {
		return ErrPurgeInProgress
	}
	m.purged = m.now
	m.messages, m.accepted, m.attempts = nil, nil, nil
	return nil
}

func (m *model) beginMove(limit int, target ID) []*modelMessage {
	taken, _ := m.choose(limit, 0)
	for _, x := range taken {
		x.moving, x.target = true, target
	}
	return taken
}

func (m *model) endMove(ref Ref, moved bool) {
	x := m.find(ref)
	switch {
	case x == nil || !x.moving:
	case moved:
		m.remove(x)
	default:
		m.reveal(x, m.now)
	}
}

// arrive adds a message from another queue, unless its origin is known.
func (m *model) arrive(ref Ref, origin Origin, message Message) {
	m.origins = append(m.origins, origin)
	x := &modelMessage{Message: message, ref: ref, fresh: true, back: m.now}
	if x.Sent == 0 || m.settings.FIFO {
		x.Sent = m.now
	}
	m.messages = append(m.messages, x)
	m.advance(m.now)
}

func (m *model) settle(origins []Origin) {
	m.origins = slices.DeleteFunc(m.origins, func(o Origin) bool { return slices.Contains(origins, o) })
}

func (m *model) configure(s Settings) {
	m.settings = s
	m.advance(m.now)
}

func (m *model) count(of func(*modelMessage) bool) (n int) {
	for _, x := range m.messages {
		if of(x) {
			n++
		}
	}
	return n
}

func (m *model) stats() Stats {
	s := Stats{
		Visible:  int64(m.count(m.visible)),
		InFlight: int64(m.count(func(x *modelMessage) bool { return x.flying || x.moving })),
		Delayed:  int64(m.count(func(x *modelMessage) bool { return m.hidden(x) || x.invisible != 0 && !x.flying })),
	}
	for _, x := range m.messages {
		if s.OldestSent == 0 || x.Sent < s.OldestSent {
			s.OldestSent = x.Sent
		}
	}
	for _, name := range m.groups() {
		if m.count(func(x *modelMessage) bool { return x.flying && x.Group == name }) > 0 {
			s.GroupsInFlight++
		}
	}
	return s
}

func (m *model) canReceive() bool {
	return len(m.line(m.settings.MaxReceives)) > 0 && m.count(func(x *modelMessage) bool { return x.flying }) < 120_000
}
