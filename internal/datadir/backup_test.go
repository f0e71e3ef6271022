package datadir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/backup"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// recorder keeps every record of a journal. It is a journal.ShardView of all that the journal ever had, up to a record.
type recorder struct {
	journal.Journal
	shard uint32

	mu      sync.Mutex
	records [][]byte // guarded by mu
}

func (r *recorder) Append(expect journal.Seq, rec []byte) journal.Pending {
	r.mu.Lock()
	r.records = append(r.records, bytes.Clone(rec))
	r.mu.Unlock()
	return r.Journal.Append(expect, rec)
}

// history is the records up to one.
type history struct {
	*recorder
	last journal.Seq
}

func (h history) Base() journal.Chain { return journal.NewChain(h.shard) }

func (h history) Last() journal.Seq { return h.last }

func (h history) Checkpoints() []journal.Seq { return nil }

func (h history) Load(context.Context, journal.Seq) (io.ReadCloser, error) {
	return nil, journal.ErrNotFound
}

func (h history) Read(_ context.Context, from journal.Seq, fn func(journal.Seq, []byte) error) error {
	for seq := from; seq <= h.last; seq++ {
		if err := fn(seq, h.records[seq-1]); err != nil {
			return err
		}
	}
	return nil
}

// traffic sends, receives and deletes until ctx ends.
func (n *node) traffic(ctx context.Context, standard, fifo string) *sync.WaitGroup {
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				n.send(standard, strings.Repeat(fmt.Sprint(i, " ", k, " "), 50))
				n.send(fifo, fmt.Sprint(i, " ", k), func(in *api.SendMessageInput) {
					in.MessageGroupId, in.MessageDeduplicationId = new(fmt.Sprint("g", k%7)), new(fmt.Sprint(i, "-", k))
				})
				for _, url := range []string{standard, fifo} {
					for _, m := range n.receive(url, 3, 30) {
						if k > 100 && k%10 == 0 {
							continue // until its timeout ends; from then on the journal grows
						}
						_ = n.DeleteMessage(ctx, caller, &api.DeleteMessageInput{QueueUrl: url, ReceiptHandle: &m.ReceiptHandle})
					}
				}
			}
		})
	}
	return &wg
}

func (n *node) backup(w io.Writer) {
	n.t.Helper()
	v, err := n.store.View(n.t.Context())
	must(n.t, err)
	_, err = datadir.Backup(n.t.Context(), w, v, time.Now(), nil)
	must(n.t, err)
	mustClose(n.t, v)
}

// TestRestoredStateIsTheSources makes backups under traffic, with checkpoints and trims all the time, restores them, and compares the
// state byte for byte (by its hash) with what a full replay of the source's records up to the same one gives.
func TestRestoredStateIsTheSources(t *testing.T) {
	const shards = 2
	recorders := make([]*recorder, shards)
	n := openNode(t, filepath.Join(t.TempDir(), "source"), shards, nodeOptions{checkpointBytes: 64 << 10,
		wrap: func(shard uint32, j journal.Journal) journal.Journal {
			recorders[shard] = &recorder{Journal: j, shard: shard}
			return recorders[shard]
		}})
	standard := n.create("standard", nil, nil)
	fifo := n.create("orders.fifo", map[string]string{"FifoQueue": "true"}, map[string]string{"team": "blue"})
	ctx, stop := context.WithCancel(t.Context())
	wg := n.traffic(ctx, standard, fifo)
	for first := journal.Seq(1); first == 1; time.Sleep(10 * time.Millisecond) { // until something was trimmed
		var err error
		first, _, err = recorders[0].Tail(t.Context())
		must(t, err)
	}
	var backups []*bytes.Buffer
	for range 4 {
		time.Sleep(100 * time.Millisecond) // let there be traffic; nothing depends on how much
		b := &bytes.Buffer{}
		n.backup(b)
		backups = append(backups, b)
	}
	stop()
	wg.Wait()
	n.stop()
	trimmed := false
	for i, b := range backups {
		a, err := backup.Open("backup", b)
		must(t, err)
		dir := filepath.Join(t.TempDir(), "restored")
		header := a.Header()
		reports, err := datadir.Restore(t.Context(), a, dir, datadir.RestoreOptions{})
		must(t, err)
		for id, r := range reports {
			trimmed = trimmed || r.First > 1
			o := shard.CheckOptions{}
			if id == 0 {
				o.Definitions = func() shard.Definitions { return catalog.New() }
			}
			source, err := shard.Check(t.Context(), uint32(id), history{recorders[id], header.Shards[id].Last}, o)
			must(t, err)
			if !source.Sound() || source.Last != r.Last || source.State != r.State || source.Messages != r.Messages {
				t.Errorf("backup %d, shard %d: restored %+v, source %+v", i, id, r, source)
			}
		}
		restored := openNode(t, dir, 0, nodeOptions{})
		if got := restored.attributes(fifo)["FifoQueue"]; got != "true" {
			t.Errorf("FifoQueue = %q", got)
		}
		restored.send(standard, "after the restore")
		restored.stop()
		v, err := datadir.Open(dir, nil)
		must(t, err)
		after, err := datadir.Check(t.Context(), v, nil)
		must(t, err)
		if !datadir.Sound(after) {
			t.Errorf("backup %d: not sound after a server ran on it: %+v", i, after)
		}
		mustClose(t, v)
	}
	if !trimmed {
		t.Error("nothing was trimmed: the test does not show that a trim does no harm")
	}
}

// emptyBody is what is stored of a message with an empty body.
var emptyBody = append([]byte{1, 0xd4, 0x1d, 0x8c, 0xd9, 0x8f, 0x00, 0xb2, 0x04, 0xe9, 0x80, 0x09, 0x98, 0xec, 0xf8, 0x42, 0x7e}, 0, 0, 0)

// TestBackupIsOneMomentOfAllShards moves messages from one shard to another while backups are made: in each of them, each message is in
// exactly one place.
func TestBackupIsOneMomentOfAllShards(t *testing.T) {
	const (
		messages = 1000
		from, to = queue.ID(7), queue.ID(8)
	)
	n := openNode(t, filepath.Join(t.TempDir(), "source"), 2, nodeOptions{noService: true})
	source, target := n.shards[0], n.shards[1]
	settings := queue.Settings{VisibilityTimeout: 30_000, Retention: 1_000_000}
	must(t, source.Configure(t.Context(), from, settings))
	must(t, target.Configure(t.Context(), to, settings))
	for range messages / 10 {
		var batch []shard.SendMessage
		for range 10 {
			batch = append(batch, shard.SendMessage{Content: emptyBody})
		}
		_, err := source.Send(t.Context(), from, batch)
		must(t, err)
	}
	moved := make(chan error, 1)
	moving, goOn := make(chan struct{}), make(chan struct{})
	half := func() {
		close(moving)
		<-goOn
	}
	go func() { moved <- moveAll(t.Context(), source, target, from, to, half) }()
	<-moving
	var backups []*bytes.Buffer
	for i := range 6 {
		if i == 1 {
			close(goOn)
		}
		b := &bytes.Buffer{}
		n.backup(b)
		backups = append(backups, b)
	}
	must(t, <-moved)
	n.stop()
	between := 0
	for i, b := range backups {
		a, err := backup.Open("backup", b)
		must(t, err)
		dir := filepath.Join(t.TempDir(), "restored")
		_, err = datadir.Restore(t.Context(), a, dir, datadir.RestoreOptions{})
		must(t, err)
		r := openNode(t, dir, 0, nodeOptions{noService: true})
		here, err := r.shards[0].Stats(t.Context(), from)
		must(t, err)
		there, err := r.shards[1].Stats(t.Context(), to)
		must(t, err)
		moving, err := r.shards[0].Moving(t.Context(), from, queue.Ref{}, messages)
		must(t, err)
		arrived := map[queue.Ref]bool{}
		unsettled, err := r.shards[1].Unsettled(t.Context(), to)
		must(t, err)
		for _, o := range unsettled {
			arrived[o.Ref] = true
		}
		total := here.Visible + there.MessageCount()
		for _, m := range moving {
			if !arrived[m.Handle.Ref] {
				total++
			}
		}
		if total != messages {
			t.Errorf("backup %d has %d messages: %+v here, %d moving, %+v there, %d of them unsettled", i, total, here, len(moving), there, len(unsettled))
		}
		if here.Visible > 0 && there.Visible > 0 {
			between++
		}
		r.stop()
	}
	if between == 0 {
		t.Error("no backup was made while messages moved: the test shows nothing")
	}
}

// writes calls fn before each of the first writes.
type writes struct {
	io.Writer
	left int
	fn   func()
}

func (w *writes) Write(p []byte) (int, error) {
	if w.left > 0 {
		w.left--
		w.fn()
	}
	return w.Writer.Write(p)
}

// appends calls fn when an append has been handed to a journal and its caller does not know yet.
type appends struct {
	journal.Journal
	fn func()
}

func (a *appends) Append(expect journal.Seq, rec []byte) journal.Pending {
	pending := a.Journal.Append(expect, rec)
	a.fn()
	return pending
}

// TestBackupOfAMoveAtEachStep moves messages between two shards and takes a backup at each step: when each append of either shard was made,
// and between them. While a backup is read, a shard at a time, all messages are moved to and fro, so that each shard is read in another
// state than the one before. After the restore the moves are finished, as a start does, and each message is there once.
func TestBackupOfAMoveAtEachStep(t *testing.T) {
	const here, there = queue.ID(7), queue.ID(8)
	var backups []*bytes.Buffer
	var n *node
	taking := false
	take := func(meanwhile func()) {
		if taking {
			return
		}
		taking = true
		b := &bytes.Buffer{}
		backups = append(backups, b)
		n.backup(&writes{Writer: b, left: 3, fn: meanwhile})
		taking = false
	}
	armed := false
	n = openNode(t, filepath.Join(t.TempDir(), "source"), 2, nodeOptions{noService: true, checkpointBytes: 500,
		wrap: func(_ uint32, j journal.Journal) journal.Journal {
			return &appends{j, func() {
				if armed {
					take(func() {})
				}
			}}
		}})
	settings := queue.Settings{VisibilityTimeout: 30_000, Retention: 1 << 50}
	must(t, n.shards[0].Configure(t.Context(), here, settings))
	must(t, n.shards[1].Configure(t.Context(), there, settings))
	for range 3 {
		_, err := n.shards[0].Send(t.Context(), here, []shard.SendMessage{{Content: emptyBody}})
		must(t, err)
	}
	move := func(from, to int, source, target queue.ID, step func()) {
		moves, err := n.shards[from].BeginMove(t.Context(), source, 1, target)
		must(t, err)
		moving, _, err := n.shards[from].ReadMoving(t.Context(), source, moves)
		must(t, err)
		step()
		for _, m := range moving {
			o := queue.Origin{Partition: source, Ref: m.Ref}
			must(t, n.shards[to].Arrive(t.Context(), target, []shard.Arrival{{Origin: o, Message: m.Message}}))
			step()
			must(t, n.shards[from].EndMove(t.Context(), source, []queue.Ref{m.Ref}, true))
			step()
			must(t, n.shards[to].Settle(t.Context(), target, []queue.Origin{o}))
			step()
		}
	}
	nothing := func() {}
	toAndFro := func() {
		for range 2 {
			move(0, 1, here, there, nothing)
			move(0, 1, here, there, nothing)
			move(1, 0, there, here, nothing)
		}
	}
	armed = true // one request at a time is on its way, and its shard calls take
	move(0, 1, here, there, nothing)
	armed = false
	move(0, 1, here, there, func() { take(toAndFro) })
	move(1, 0, there, here, func() { take(toAndFro) })
	n.stop()
	if len(backups) < 10 {
		t.Errorf("%d backups: not one at each step", len(backups))
	}
	onTheWay := 0
	for i, b := range backups {
		a, err := backup.Open("backup", b)
		must(t, err)
		dir := filepath.Join(t.TempDir(), "restored")
		_, err = datadir.Restore(t.Context(), a, dir, datadir.RestoreOptions{})
		must(t, err)
		n = openNode(t, dir, 0, nodeOptions{noService: true})
		onTheWay += finishMoves(t, n, 0, 1, here, there) + finishMoves(t, n, 1, 0, there, here)
		first, err := n.shards[0].Stats(t.Context(), here)
		must(t, err)
		second, err := n.shards[1].Stats(t.Context(), there)
		must(t, err)
		if first.Visible+second.Visible != 3 || first.InFlight+second.InFlight != 0 {
			t.Errorf("backup %d: %+v here, %+v there", i, first, second)
		}
		n.stop()
	}
	if onTheWay == 0 {
		t.Error("no backup has a message on its way")
	}
}

// finishMoves does the rest of the moves that have begun, as a start does, and returns how many there were.
func finishMoves(t *testing.T, n *node, from, to int, source, target queue.ID) int {
	t.Helper()
	moves, err := n.shards[from].Moving(t.Context(), source, queue.Ref{}, 100)
	must(t, err)
	moving, _, err := n.shards[from].ReadMoving(t.Context(), source, moves)
	must(t, err)
	for _, m := range moving {
		o := queue.Origin{Partition: source, Ref: m.Ref}
		must(t, n.shards[to].Arrive(t.Context(), target, []shard.Arrival{{Origin: o, Message: m.Message}}))
		must(t, n.shards[from].EndMove(t.Context(), source, []queue.Ref{m.Ref}, true))
		must(t, n.shards[to].Settle(t.Context(), target, []queue.Origin{o}))
	}
	return len(moving)
}

// moveAll moves all messages, and calls half in the middle of a move that is not one of the first.
func moveAll(ctx context.Context, source, target shard.Client, from, to queue.ID, half func()) error {
	for i := 0; ; i++ {
		moves, err := source.BeginMove(ctx, from, 10, to)
		if err != nil || len(moves) == 0 {
			return err
		}
		moving, _, err := source.ReadMoving(ctx, from, moves)
		if err != nil {
			return err
		}
		var arrivals []shard.Arrival
		var origins []queue.Origin
		var refs []queue.Ref
		for _, m := range moving {
			o := queue.Origin{Partition: from, Ref: m.Ref}
			arrivals, origins, refs = append(arrivals, shard.Arrival{Origin: o, Message: m.Message}), append(origins, o), append(refs, m.Ref)
		}
		if err := target.Arrive(ctx, to, arrivals); err != nil {
			return err
		}
		if i == 5 {
			half()
		}
		if err := source.EndMove(ctx, from, refs, true); err != nil {
			return err
		}
		if err := target.Settle(ctx, to, origins); err != nil {
			return err
		}
	}
}

// TestRestoreLeavesNothingHalf restores what is cut off or damaged.
func TestRestoreLeavesNothingHalf(t *testing.T) {
	n := openNode(t, filepath.Join(t.TempDir(), "source"), 2, nodeOptions{})
	url := n.create("q", nil, nil)
	for i := range 50 {
		n.send(url, fmt.Sprint("body ", i))
	}
	var b bytes.Buffer
	n.backup(&b)
	n.stop()
	dir := filepath.Join(t.TempDir(), "restored")
	restore := func(content []byte) error {
		a, err := backup.Open("backup", bytes.NewReader(content))
		if err != nil {
			return err
		}
		defer a.Close()
		_, err = datadir.Restore(t.Context(), a, dir, datadir.RestoreOptions{})
		return err
	}
	for _, cut := range []int{b.Len() / 3, b.Len() / 2, b.Len() - 1} {
		if err := restore(b.Bytes()[:cut]); !errors.Is(err, backup.ErrIncomplete) {
			t.Errorf("%d of %d bytes: %v", cut, b.Len(), err)
		}
		if names, err := os.ReadDir(dir); err == nil && (len(names) != 1 || names[0].Name() != "LOCK") {
			t.Errorf("%d of %d bytes: %v is left", cut, b.Len(), names)
		}
	}
	a, err := backup.Open("backup", bytes.NewReader(b.Bytes()))
	must(t, err)
	defer a.Close()
	ctx, cancel := context.WithCancel(t.Context())
	_, err = datadir.Restore(ctx, a, dir, datadir.RestoreOptions{Checked: func(int) { cancel() }})
	if !errors.Is(err, datadir.ErrReadBack) || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted while it is read back: %v", err)
	}
	if err := restore(b.Bytes()); err != nil {
		t.Errorf("the whole backup: %v", err)
	}
	if err := restore(b.Bytes()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a data directory: %v", err)
	}
}
