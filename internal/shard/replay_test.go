package shard

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// history drives a shard through random requests, crashes and restarts, and knows what was answered.
type history struct {
	*stepper
	t           *rapid.T
	clock       tickingClock
	options     Options
	records     map[journal.Seq][]byte // every record that was appended, as a journal without trimming
	release     map[journal.Seq]chan struct{}
	definitions *definitionList

	sent map[string]*sentMessage // by content
	// shortLived are partitions that had a short retention at some time: what is sent there may be gone at any time.
	shortLived map[queue.ID]bool
	handles    map[queue.ID][]queue.Handle
	moving     map[queue.ID][]queue.Ref
	origins    []queue.Origin
	asked      []outstanding
	defined    [][]byte // definitions that were answered
	contents   int
}

// sentMessage is a message that was sent or moved.
type sentMessage struct {
	partition queue.ID
	answered  bool
	maybeGone bool // something that ends it was asked for
}

// outstanding is a request that is not answered yet, and what its answer means.
type outstanding struct {
	request  request
	answered func()
}

func newHistory(t *rapid.T) *history {
	h := &history{
		t:       t,
		clock:   tickingClock{clock.NewManual(time.Unix(1_700_000_000, 0)), time.Duration(rapid.IntRange(0, 700).Draw(t, "tick")) * time.Microsecond},
		records: make(map[journal.Seq][]byte),
		sent:    make(map[string]*sentMessage),

		shortLived: make(map[queue.ID]bool),
	}
	h.options = Options{
		Clock:           h.clock,
		CheckpointBytes: int64(rapid.SampledFrom([]int{1, 300, 3000, 1 << 20}).Draw(t, "checkpoint")),
		BodyCacheBytes:  int64(rapid.SampledFrom([]int{1, 1000, 1 << 20}).Draw(t, "cache")),
		Observed:        Observer{Cleaned: func(int64) { copiesInReplay.Add(1) }},
		CleanRate:       int64(rapid.SampledFrom([]int{-1, 30_000, 1 << 50}).Draw(t, "clean rate")),
	}
	h.open(memjournal.New(0))
	return h
}

// open opens a shard on the journal: after a crash, with everything that was asked and not answered forgotten.
func (h *history) open(j *memjournal.Journal) {
	h.asked, h.moving, h.handles = nil, make(map[queue.ID][]queue.Ref), make(map[queue.ID][]queue.Handle)
	h.release = make(map[journal.Seq]chan struct{})
	h.definitions = &definitionList{}
	h.options.Journal, h.options.Definitions = j, h.definitions
	h.stepper = newStepper(h.t, h.options)
	j.SetHook(func(seq journal.Seq, rec []byte) memjournal.Fault {
		h.records[seq] = rec
		c := make(chan struct{})
		h.release[seq] = c
		return memjournal.Fault{Delay: func() { <-c }}
	})
}

func (h *history) journal() *memjournal.Journal { return h.options.Journal.(*memjournal.Journal) }

func (h *history) ask(r request, answered func()) {
	h.stepper.ask(r)
	h.asked = append(h.asked, outstanding{r, answered})
}

// turn and land keep what they say, and note what was answered.
func (h *history) turn() {
	h.stepper.turn()
	h.note()
}

func (h *history) land() {
	if len(h.flying) == 0 {
		return
	}
	close(h.release[h.flying[0].builder.Header.Seq])
	h.stepper.land()
	h.note()
}

func (h *history) rest() {
	h.turn()
	for len(h.flying) > 0 {
		h.land()
		h.turn()
	}
}

func (h *history) note() {
	h.asked = slices.DeleteFunc(h.asked, func(o outstanding) bool {
		if o.request.answered() && o.answered != nil {
			o.answered()
		}
		return o.request.answered()
	})
}

func (h *history) partition() queue.ID { return queue.ID(rapid.IntRange(1, 4).Draw(h.t, "partition")) }

// fits returns settings for a partition; the odd ones are FIFO.
func (h *history) settings(p queue.ID) queue.Settings {
	return queue.Settings{
		FIFO:               p%2 == 1,
		VisibilityTimeout:  rapid.SampledFrom([]int64{0, 10, 30_000}).Draw(h.t, "visibility"),
		Delay:              rapid.SampledFrom([]int64{0, 0, 20}).Draw(h.t, "delay"),
		Retention:          rapid.SampledFrom([]int64{500, 4 * day, 4 * day, 4 * day, 4 * day, 4 * day}).Draw(h.t, "retention"),
		DeduplicateByGroup: rapid.Bool().Draw(h.t, "by group"),
		MaxReceives:        uint32(rapid.SampledFrom([]int{0, 0, 2}).Draw(h.t, "max receives")),
		DeadLetter:         4,
	}
}

// ends notes that the messages of a partition that match may be gone from now on.
func (h *history) ends(match func(content string, m *sentMessage) bool) {
	for content, m := range h.sent {
		if match(content, m) {
			m.maybeGone = true
		}
	}
}

func (h *history) endsAll(p queue.ID) {
	h.ends(func(_ string, m *sentMessage) bool { return m.partition == p })
}

// content returns the content of a message, from the record that brought it: a copy of it may be on its way.
func (h *history) content(ref queue.Ref) string {
	r := &cachedRecord{rec: h.records[journal.Seq(ref.Record)]}
	change, err := r.change(ref.Index)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, change, err = splitChange(change); err != nil {
		h.t.Fatal(err)
	}
	_, m, err := queue.DecodeMessage(change, ref)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(m.Content)
}

func (h *history) endsOne(ref queue.Ref) {
	content := h.content(ref)
	h.ends(func(c string, _ *sentMessage) bool { return c == content })
}

func (h *history) doConfigure() {
	p := h.partition()
	s := h.settings(p)
	if s.Retention < day {
		h.endsAll(p)
		h.shortLived[p] = true
	}
	h.ask(&configure{to: toPartition(p), settings: s}, nil)
}

func (h *history) doDrop() {
	p := h.partition()
	h.endsAll(p)
	h.ask(&drop{to: toPartition(p)}, nil)
}

func (h *history) doPurge() {
	p := h.partition()
	h.endsAll(p)
	h.ask(&purge{to: toPartition(p), interval: time.Duration(rapid.IntRange(0, 1).Draw(h.t, "interval")) * time.Minute}, nil)
}

func (h *history) newMessage(p queue.ID) queue.Message {
	h.contents++
	content := fmt.Sprintf("message %d %s", h.contents, bytes.Repeat([]byte("."), rapid.IntRange(0, 300).Draw(h.t, "size")))
	h.sent[content] = &sentMessage{partition: p, maybeGone: h.shortLived[p]}
	return queue.Message{
		ID:      queue.MessageID{byte(h.contents), byte(h.contents >> 8)},
		Group:   rapid.SampledFrom([]string{"", "a", "b"}).Draw(h.t, "group"),
		Content: []byte(content),
	}
}

func (h *history) doSend() {
	p := h.partition()
	r := &send{to: toPartition(p), bytes: requestBytes}
	for range rapid.IntRange(1, 3).Draw(h.t, "messages") {
		m := queue.NewMessage{Message: h.newMessage(p)}
		m.DeduplicationID = fmt.Sprint(rapid.IntRange(0, 50).Draw(h.t, "deduplication"))
		if p%2 == 0 && rapid.Bool().Draw(h.t, "own delay") {
			delay := int64(rapid.IntRange(0, 40).Draw(h.t, "delay"))
			m.Delay = &delay
		}
		r.messages = append(r.messages, m)
	}
	h.ask(r, func() {
		for i, m := range r.messages {
			h.sent[string(m.Content)].answered = r.err == nil && !r.results[i].Duplicate
		}
	})
}

func (h *history) doReceive() {
	p := h.partition()
	r := receiveRequest(h.Shard, p, rapid.IntRange(1, 5).Draw(h.t, "max"), time.Duration(rapid.IntRange(0, 1).Draw(h.t, "wait"))*30*time.Millisecond)
	if rapid.Bool().Draw(h.t, "own visibility") {
		v := int64(rapid.IntRange(0, 40).Draw(h.t, "visibility"))
		r.options.Visibility = &v
	}
	if p%2 == 1 {
		r.options.Attempt = rapid.SampledFrom([]string{"", "", "x"}).Draw(h.t, "attempt")
	}
	h.ask(r, func() {
		for _, d := range r.result.Messages {
			h.handles[p] = append(h.handles[p], d.Handle)
		}
		for _, d := range r.result.Dead {
			h.moving[p] = append(h.moving[p], d.Handle.Ref)
		}
	})
}

// handle returns one of the handles of a partition.
func (h *history) handle(p queue.ID) (queue.Handle, bool) {
	if len(h.handles[p]) == 0 {
		return queue.Handle{}, false
	}
	return rapid.SampledFrom(h.handles[p]).Draw(h.t, "handle"), true
}

func (h *history) doDelete() {
	p := h.partition()
	if handle, ok := h.handle(p); ok {
		h.endsOne(handle.Ref)
		h.ask(&deletion{to: toPartition(p), handles: []queue.Handle{handle}}, nil)
	}
}

func (h *history) doChange() {
	p := h.partition()
	if handle, ok := h.handle(p); ok {
		c := queue.VisibilityChange{Handle: handle, Timeout: int64(rapid.IntRange(0, 2).Draw(h.t, "timeout")) * 1000}
		h.ask(&changeVisibility{to: toPartition(p), changes: []queue.VisibilityChange{c}}, nil)
	}
}

func (h *history) doBeginMove() {
	p := h.partition()
	r := &beginMove{to: toPartition(p), max: rapid.IntRange(1, 3).Draw(h.t, "max"), target: 4}
	h.ask(r, func() {
		for _, m := range r.moves {
			h.moving[p] = append(h.moving[p], m.Handle.Ref)
		}
	})
}

func (h *history) doEndMove() {
	p := h.partition()
	if len(h.moving[p]) == 0 {
		return
	}
	ref := rapid.SampledFrom(h.moving[p]).Draw(h.t, "moving")
	moved := rapid.Bool().Draw(h.t, "moved")
	if moved {
		h.endsOne(ref)
	}
	h.ask(&endMove{to: toPartition(p), refs: []queue.Ref{ref}, moved: moved}, nil)
}

func (h *history) doArrive() {
	p := h.partition()
	m := h.newMessage(p)
	m.Receives, m.FirstReceived = 3, 1000
	origin := queue.Origin{Partition: 9, Ref: queue.Ref{Record: uint64(rapid.IntRange(1, 20).Draw(h.t, "origin"))}}
	fresh := !slices.Contains(h.origins, origin)
	h.origins = append(h.origins, origin)
	r := &arrive{to: toPartition(p), arrivals: []Arrival{{Origin: origin, Message: m}}}
	h.ask(r, func() { h.sent[string(m.Content)].answered = r.err == nil && fresh })
}

func (h *history) doSettle() {
	if len(h.origins) > 0 {
		o := rapid.SampledFrom(h.origins).Draw(h.t, "origin")
		h.ask(&settle{to: toPartition(h.partition()), origins: []queue.Origin{o}}, nil)
	}
}

// doClean copies what is live in some of the records forward, whether or not it is worth it.
func (h *history) doClean() {
	first, last, err := h.journal().Tail(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	if h.cleaning == nil && first <= last {
		upTo := last - journal.Seq(rapid.IntRange(0, int(last-first)).Draw(h.t, "not cleaned"))
		h.cleaning = newCleaning(h.live(), first, upTo, true)
	}
}

// live iterates over all messages.
func (h *history) live() iter.Seq[queue.Stored] {
	return func(yield func(queue.Stored) bool) {
		for _, p := range h.partitions {
			for run := range p.Live() {
				if !yield(run) {
					return
				}
			}
		}
	}
}

func (h *history) doDefine() {
	h.contents++
	r := &define{asked: newAsked(), change: fmt.Appendf(nil, "definition %d", h.contents)}
	h.ask(r, func() {
		if r.err == nil {
			h.defined = append(h.defined, r.change)
		}
	})
}

// crash leaves what is durable, and perhaps more of what is on its way.
func (h *history) crash() {
	durable := h.settled
	for n := rapid.IntRange(0, len(h.flying)).Draw(h.t, "durable and not answered"); n > 0; n-- {
		f := h.flying[0]
		h.flying = h.flying[1:]
		close(h.release[f.builder.Header.Seq])
		_ = f.pending.Wait()
		durable = f.builder.Header.Seq
	}
	left := h.journal().Clone()
	for _, f := range h.flying { // lets the goroutines of the old journal end
		close(h.release[f.builder.Header.Seq])
		_ = f.pending.Wait()
	}
	_, last, err := left.Tail(context.Background())
	if err != nil || last < durable {
		h.t.Fatalf("the journal ends at record %d (%v), record %d was durable", last, err, durable)
	}
	maps.DeleteFunc(h.records, func(seq journal.Seq, _ []byte) bool { return seq > last })
	h.open(left)
	h.settled = last
	h.check()
}

// check holds the state against a full replay, and against what was answered. Nothing may be on its way.
func (h *history) check() {
	now := h.now() + 1
	got := stateAt(h.t, h.Shard, now)
	if want := stateAt(h.t, h.fullReplay(), now); !bytes.Equal(got, want) {
		h.t.Fatalf("state:\n%s\nfull replay:\n%s", got, want)
	}
	if want := h.withoutNewestCheckpoint(now); want != nil && !bytes.Equal(got, want) {
		h.t.Fatalf("state:\n%s\nfrom the older checkpoint:\n%s", got, want)
	}
	h.clock.Set(time.UnixMilli(now))
	for _, d := range h.defined {
		if !slices.ContainsFunc(h.definitions.changes, func(c []byte) bool { return bytes.Equal(c, d) }) {
			h.t.Fatalf("%s is lost", d)
		}
	}
	there := h.drained()
	for content, m := range h.sent {
		if m.answered && !m.maybeGone && !there[content] {
			h.t.Fatalf("%.20q was sent to partition %d, and nothing ended it; it is not there", content, m.partition)
		}
	}
}

// fullReplay opens a shard on all records from the first on, without checkpoints.
func (h *history) fullReplay() *Shard {
	j := memjournal.New(0)
	for seq := journal.Seq(1); h.records[seq] != nil; seq++ {
		if err := j.Append(seq-1, h.records[seq]).Wait(); err != nil {
			h.t.Fatal(err)
		}
	}
	return reopened(h.t, j, Options{Clock: h.clock, Definitions: &definitionList{}})
}

// withoutNewestCheckpoint returns the state from the older checkpoint and the records after it; nil if there is none.
func (h *history) withoutNewestCheckpoint(now int64) []byte {
	j := h.journal().Clone()
	list, err := j.Checkpoints().List(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	if len(list) < journal.CheckpointsKept {
		return nil
	}
	if err := j.AlterCheckpoint(list[0], damage); err != nil {
		h.t.Fatal(err)
	}
	return stateAt(h.t, reopened(h.t, j, Options{Clock: h.clock, Definitions: &definitionList{}}), now)
}

// drained reads every message that a copy of the shard has, through receives and moves.
func (h *history) drained() map[string]bool {
	manual := clock.NewManual(h.clock.Manual.Now())
	s := newStepper(h.t, Options{Journal: h.journal().Clone(), Clock: manual, Definitions: &definitionList{}, BodyCacheBytes: 1})
	there := make(map[string]bool)
	read := func(p queue.ID, ref queue.Ref) {
		m, err := s.read(p, ref)
		if err != nil {
			h.t.Fatalf("a live message cannot be read: %v", err)
		}
		there[string(m.Content)] = true
	}
	// Moves are ended: a message on its way blocks its FIFO group.
	ended := func(id queue.ID, ref queue.Ref) {
		read(id, ref)
		s.ask(&endMove{to: toPartition(id), refs: []queue.Ref{ref}, moved: true})
	}
	// All delays and timeouts are over by then, and long retentions are not.
	manual.Advance(12 * time.Hour)
	visibility := int64(30_000)
	for id := range s.partitions {
		moving := &listMoving{to: toPartition(id), max: math.MaxInt}
		s.ask(moving)
		s.rest()
		for _, m := range moving.moves {
			ended(id, m.Handle.Ref)
		}
		for more := true; more; {
			r := receiveRequest(s.Shard, id, 10, 0)
			r.options.Visibility = &visibility
			s.ask(r)
			s.rest()
			more = len(r.result.Messages)+len(r.result.Dead) > 0
			for _, d := range r.result.Messages {
				read(id, d.Handle.Ref)
				s.ask(&deletion{to: toPartition(id), handles: []queue.Handle{d.Handle}}) // makes room in FIFO groups
			}
			for _, d := range r.result.Dead {
				ended(id, d.Handle.Ref)
			}
			s.rest()
		}
	}
	return there
}

var copiesInReplay atomic.Int64

func TestReplay(t *testing.T) {
	defer func() {
		if !t.Failed() && copiesInReplay.Load() == 0 {
			t.Error("no message was copied forward")
		}
		t.Logf("%d batches of messages were copied forward", copiesInReplay.Load())
	}()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t)
		for p := queue.ID(1); p <= 4; p++ {
			h.ask(&configure{to: toPartition(p), settings: queue.Settings{FIFO: p%2 == 1, VisibilityTimeout: 30_000, Retention: 4 * day}}, nil)
		}
		h.rest()
		steps := map[string]func(){
			"send": h.doSend, "receive": h.doReceive, "delete": h.doDelete, "change": h.doChange, "configure": h.doConfigure,
			"drop": h.doDrop, "purge": h.doPurge, "begin move": h.doBeginMove, "end move": h.doEndMove, "arrive": h.doArrive,
			"settle": h.doSettle, "define": h.doDefine, "turn": h.turn, "land": h.land, "crash": h.crash, "rest": h.rest, "clean": h.doClean,
			"time": func() { h.clock.Advance(time.Duration(rapid.IntRange(0, 30).Draw(t, "ms")) * time.Millisecond) },
		}
		var names []string
		for name, often := range map[string]int{
			"send": 12, "receive": 12, "delete": 6, "change": 3, "configure": 2, "drop": 1, "purge": 1, "begin move": 2, "end move": 3,
			"arrive": 3, "settle": 2, "define": 2, "turn": 14, "land": 12, "crash": 2, "time": 6, "rest": 20, "clean": 4,
		} {
			names = append(names, slices.Repeat([]string{name}, often)...)
		}
		slices.Sort(names)
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			steps[rapid.SampledFrom(names).Draw(t, "step")]()
		}
		h.rest()
		h.check()
		h.crash()
	})
}
