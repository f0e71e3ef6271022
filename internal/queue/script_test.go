package queue

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata/*.txt")

// TestScripts runs testdata/*.txt: blocks of commands, a line ----, and the answers expected, up to an empty line. Commands that
// have nothing to say print nothing; a block without any answer prints ok. testdata/README.md explains the commands.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runFile(t, file) })
	}
}

func runFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	s := &script{T: t}
	var out, answer bytes.Buffer
	for i := 0; i < len(lines); i++ {
		fmt.Fprintln(&out, lines[i])
		if lines[i] != "----" {
			s.at = fmt.Sprintf("%s:%d", file, i+1)
			s.run(&answer, lines[i])
			continue
		}
		got := cmp.Or(strings.TrimRight(answer.String(), "\n"), "ok")
		answer.Reset()
		end := i + 1
		for end < len(lines) && lines[end] != "" {
			end++
		}
		if want := strings.Join(lines[i+1:end], "\n"); got != want && !*update {
			t.Errorf("%s:%d:\n%s\nwant:\n%s", file, i+2, got, want)
		}
		fmt.Fprintln(&out, got)
		i = end - 1
	}
	s.finish()
	if answer.Len() > 0 {
		t.Errorf("%s: the commands at the end have no ----", file)
	}
	if *update && !t.Failed() && !bytes.Equal(out.Bytes(), text) {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// script is one case: it begins with the command queue for the queue "main".
type script struct {
	*testing.T
	at     string // file and line, for messages
	now    int64
	log    *journal
	queues map[string]*scriptQueue
}

type scriptQueue struct {
	*Partition
	name    string
	handles map[string][]Handle // by body, oldest first
}

// finish ends a case: whatever happened in it, replay must give the same state, and the state must fit together.
func (s *script) finish() {
	for _, q := range s.queues {
		s.log.checkReplay(s.T, s.now, q.Partition)
		checkInvariants(s.T, q.Partition)
	}
}

func (s *script) run(out *bytes.Buffer, line string) {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return
	}
	c := &command{script: s, name: fields[0], options: make(map[string]string)}
	for _, f := range fields[1:] {
		if key, value, ok := strings.Cut(f, "="); ok {
			c.options[key] = value
		} else {
			c.words = append(c.words, f)
		}
	}
	if c.name != "queue" && s.queues == nil {
		s.Fatalf("%s: there is no queue yet", s.at)
	}
	if s.log != nil {
		s.log.at(s.now) // a record for each command
	}
	execute := commands[c.name]
	if execute == nil {
		s.Fatalf("%s: no command %q", s.at, c.name)
	}
	if c.name != "queue" && c.name != "advance" {
		c.queue = s.queues[c.text("in", "main")]
		if c.queue == nil {
			s.Fatalf("%s: no such queue", s.at)
		}
		if c.queue.now < s.now {
			c.queue.Advance(s.now)
		}
	}
	execute(c, out)
	for key := range c.options {
		s.Fatalf("%s: %s has no option %q", s.at, c.name, key)
	}
}

// command is one line of a script. Options are taken out as they are read, so that what is left over is a mistake.
type command struct {
	*script
	name    string
	words   []string
	options map[string]string
	queue   *scriptQueue
}

func (c *command) text(key, otherwise string) string {
	value, ok := c.options[key]
	delete(c.options, key)
	if !ok {
		return otherwise
	}
	return value
}

func (c *command) number(key string, otherwise int) int {
	n, err := strconv.Atoi(c.text(key, strconv.Itoa(otherwise)))
	if err != nil {
		c.Fatalf("%s: %v", c.at, err)
	}
	return n
}

// duration returns a time in ms, and nil if the option is not there.
func (c *command) duration(key string) *int64 {
	value, ok := c.options[key]
	if !ok {
		return nil
	}
	delete(c.options, key)
	ms := c.milliseconds(value)
	return &ms
}

func (c *command) milliseconds(value string) int64 {
	d, err := time.ParseDuration(value)
	if err != nil {
		c.Fatalf("%s: %v", c.at, err)
	}
	return d.Milliseconds()
}

var commands map[string]func(*command, *bytes.Buffer)

func init() {
	commands = map[string]func(*command, *bytes.Buffer){
		"queue":             (*command).runQueue,
		"configure":         (*command).runConfigure,
		"advance":           (*command).runAdvance,
		"send":              (*command).runSend,
		"receive":           (*command).runReceive,
		"delete":            (*command).runDelete,
		"change-visibility": (*command).runChangeVisibility,
		"purge":             (*command).runPurge,
		"count":             (*command).runCount,
		"begin-move":        (*command).runBeginMove,
		"moving":            (*command).runMoving,
		"arrive":            (*command).runArrive,
		"end-move":          (*command).runEndMove,
		"settle":            (*command).runSettle,
		"unsettled":         (*command).runUnsettled,
		"carry":             (*command).runCarry,
	}
}

func (c *command) runQueue(*bytes.Buffer) {
	name := "main"
	kind := c.words[0]
	if len(c.words) == 2 {
		name, kind = c.words[0], c.words[1]
	}
	if name == "main" {
		c.finish()
		c.log, c.queues, c.now = new(journal), make(map[string]*scriptQueue), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
		c.log.at(c.now)
	}
	if kind != "standard" && kind != "fifo" {
		c.Fatalf("%s: a queue is standard or fifo", c.at)
	}
	q := &scriptQueue{Partition: New(ID(len(c.queues) + 1)), name: name, handles: make(map[string][]Handle)}
	c.queues[name] = q
	c.queue = q
	q.Advance(c.now)
	q.Configure(c.now, c.log, c.settings(Settings{FIFO: kind == "fifo", VisibilityTimeout: 30_000, Retention: 4 * 24 * 3600_000}))
}

func (c *command) runConfigure(*bytes.Buffer) {
	c.queue.Configure(c.now, c.log, c.settings(c.queue.Settings()))
	c.queue.Advance(c.now) // what a shorter retention ends
}

func (c *command) settings(s Settings) Settings {
	for key, ms := range map[string]*int64{"visibility": &s.VisibilityTimeout, "delay": &s.Delay, "retention": &s.Retention} {
		if d := c.duration(key); d != nil {
			*ms = *d
		}
	}
	s.MaxReceives = uint32(c.number("max-receives", int(s.MaxReceives)))
	if name := c.text("dead-letter", ""); name != "" {
		// The dead-letter queue may be made after the queue that points to it; it is the next one then.
		s.DeadLetter = ID(len(c.queues) + 1)
		if q := c.queues[name]; q != nil {
			s.DeadLetter = q.id
		}
	}
	switch scope := c.text("deduplication-scope", ""); scope {
	case "queue":
		s.DeduplicateByGroup = false
	case "group":
		s.DeduplicateByGroup = true
	}
	return s
}

func (c *command) runAdvance(*bytes.Buffer) { c.now += c.milliseconds(c.words[0]) }

func (c *command) runSend(out *bytes.Buffer) {
	group, dedup, delay := c.text("group", ""), c.text("dedup", ""), c.duration("delay")
	count := c.number("count", 1) // so many messages with the same body
	for body := range strings.SplitSeq(c.text("body", ""), ",") {
		for range count {
			m := NewMessage{Message: Message{ID: messageID(body), Group: group, Content: []byte(body)}, Delay: delay}
			if c.queue.settings.FIFO {
				m.OtherDeduplicationID = c.text("or-dedup", "")
				m.DeduplicationID = cmp.Or(dedup, fmt.Sprint(len(c.log.records), body, len(c.log.records[len(c.log.records)-1].changes)))
			}
			r := c.queue.Send(c.now, c.log, m)
			original := c.log.message(c, r.Ref)
			if r.Duplicate {
				fmt.Fprintf(out, "%s is a duplicate of %s\n", body, original.Content)
			}
			if original.ID != r.ID {
				c.Errorf("%s: the result names message ID %x, the message has %x", c.at, r.ID, original.ID)
			}
		}
	}
}

func messageID(body string) (id MessageID) {
	copy(id[:], body)
	return id
}

func (c *command) runReceive(out *bytes.Buffer) {
	o := ReceiveOptions{Max: c.number("max", 1), Visibility: c.duration("visibility"), Attempt: c.text("attempt", "")}
	could := c.queue.CanReceive()
	r, err := c.queue.Receive(c.now, c.log, o)
	if err != nil {
		fmt.Fprintf(out, "error: %v\n", err)
		return
	}
	if found := len(r.Messages)+len(r.Dead) > 0; found != could && o.Attempt == "" {
		c.Errorf("%s: CanReceive said %t", c.at, could)
	}
	c.show(out, r.Messages, "")
	c.show(out, r.Dead, " moves to the dead-letter queue")
	if len(r.Messages)+len(r.Dead) == 0 {
		fmt.Fprintln(out, "none")
	}
}

// show prints what was handed out and keeps the handles. Many messages are only counted.
func (c *command) show(out *bytes.Buffer, deliveries []Delivery, note string) {
	for i, d := range deliveries {
		body := string(c.log.message(c, d.Handle.Ref).Content)
		if h := c.queue.handles[body]; len(h) == 0 || h[len(h)-1] != d.Handle {
			c.queue.handles[body] = append(h, d.Handle)
		}
		if len(deliveries) <= 20 {
			fmt.Fprintf(out, "%d %s receives=%d%s\n", i+1, body, d.Handle.Receives, note)
		}
	}
	if len(deliveries) > 20 {
		fmt.Fprintf(out, "%d messages%s\n", len(deliveries), note)
	}
}

// handlesOf returns the handles of the messages that the command names: the latest ones, or those of an earlier receive.
func (c *command) handlesOf() (handles []Handle) {
	receive := c.number("receive", 0)
	for _, body := range c.words {
		all := c.queue.handles[body]
		i := len(all) - 1
		if receive > 0 {
			i = slices.IndexFunc(all, func(h Handle) bool { return h.Receives == uint32(receive) })
		}
		if i < 0 {
			c.Fatalf("%s: no such receipt handle of %s", c.at, body)
		}
		handles = append(handles, all[i])
	}
	return handles
}

func (c *command) runDelete(out *bytes.Buffer) {
	for _, h := range c.handlesOf() {
		printError(out, c.queue.Delete(c.now, c.log, h))
	}
}

func (c *command) runChangeVisibility(out *bytes.Buffer) {
	timeout := c.duration("timeout")
	for _, h := range c.handlesOf() {
		printError(out, c.queue.ChangeVisibility(c.now, c.log, VisibilityChange{Handle: h, Timeout: *timeout}))
	}
}

func (c *command) runPurge(out *bytes.Buffer) {
	printError(out, c.queue.Purge(c.now, c.log, 60_000))
}

func printError(out *bytes.Buffer, err error) {
	for _, known := range []error{ErrHandleExpired, ErrNotAvailable, ErrVisibilityTotal, ErrInFlightLimit, ErrPurgeInProgress} {
		if errors.Is(err, known) {
			fmt.Fprintf(out, "error: %v\n", known)
		}
	}
}

func (c *command) runCount(out *bytes.Buffer) {
	s := c.queue.Stats()
	fmt.Fprintf(out, "visible=%d in-flight=%d delayed=%d", s.Visible, s.InFlight, s.Delayed)
	if s.GroupsInFlight > 0 {
		fmt.Fprintf(out, " groups-in-flight=%d", s.GroupsInFlight)
	}
	if s.OldestSent > 0 {
		fmt.Fprintf(out, " oldest=%v", time.Duration(c.now-s.OldestSent)*time.Millisecond)
	}
	fmt.Fprintln(out)
}

func (c *command) runBeginMove(out *bytes.Buffer) {
	to := c.queues[c.text("to", "dead")]
	c.show(out, c.queue.BeginMove(c.now, c.log, c.number("max", 10), to.id), " moves to "+to.name)
}

func (c *command) runMoving(out *bytes.Buffer) {
	for _, m := range allMoving(c.queue.Partition) {
		fmt.Fprintf(out, "%s moves to %s\n", c.log.message(c, m.Handle.Ref).Content, c.queueName(m.Target))
	}
}

func (c *command) queueName(id ID) string {
	for name, q := range c.queues {
		if q.id == id {
			return name
		}
	}
	return "nowhere"
}

// runArrive puts the messages that are moving from another queue into this one.
func (c *command) runArrive(*bytes.Buffer) {
	from, fresh := c.queues[c.text("from", "main")], c.text("as", "") == "new"
	for _, m := range allMoving(from.Partition) {
		if m.Target != c.queue.id {
			continue
		}
		message := c.log.message(c, m.Handle.Ref)
		if fresh { // a message move task makes new messages
			message.Sent, message.Receives, message.FirstReceived = 0, 0, 0
		} else {
			message.Receives, message.FirstReceived, message.Source = m.Handle.Receives, m.FirstReceived, from.name
		}
		c.queue.Arrive(c.now, c.log, Origin{Partition: from.id, Ref: m.Handle.Ref}, message)
	}
}

func (c *command) runEndMove(*bytes.Buffer) {
	moved := c.text("moved", "yes") == "yes"
	var refs []Ref
	for _, h := range c.handlesOf() {
		refs = append(refs, h.Ref)
	}
	c.queue.EndMove(c.now, c.log, refs, moved)
}

func (c *command) runSettle(*bytes.Buffer) { c.queue.Settle(c.now, c.log, c.queue.Unsettled()) }

func (c *command) runUnsettled(out *bytes.Buffer) {
	for _, o := range c.queue.Unsettled() {
		fmt.Fprintf(out, "%s from %s\n", c.log.message(c, o.Ref).Content, c.queueName(o.Partition))
	}
}

// runCarry does all the steps of the moves that have begun here.
func (c *command) runCarry(*bytes.Buffer) {
	var refs []Ref
	for _, m := range allMoving(c.queue.Partition) {
		to := &command{script: c.script, queue: c.queues[c.queueName(m.Target)], options: map[string]string{"from": c.queue.name}}
		if as, ok := c.options["as"]; ok {
			to.options["as"] = as
		}
		if to.queue.now < c.now {
			to.queue.Advance(c.now)
		}
		to.runArrive(nil)
		refs = append(refs, m.Handle.Ref)
		defer to.runSettle(nil)
	}
	delete(c.options, "as")
	c.queue.EndMove(c.now, c.log, refs, true)
}
