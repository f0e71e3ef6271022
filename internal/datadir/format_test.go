package datadir_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/datadir"
)

var update = flag.Bool("update", false, "make the data directory of the newest format anew")

// The directory testdata holds a data directory of each format of the disk that was released, as a crash left it. It is never made
// anew once it was released: a new format gets a new one.
const (
	formatArchive = "testdata/format-1.tar.zst"
	formatDump    = "testdata/format-1.jsonl"
)

// formatTime is the time in the directories.
var formatTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// TestOldFormatsOpen opens a data directory that was written in the past and looks for everything that was put into it.
func TestOldFormatsOpen(t *testing.T) {
	if *update {
		writeFormat(t)
	}
	dir := filepath.Join(t.TempDir(), "data")
	must(t, unpack(formatArchive, dir))

	v, err := datadir.Open(dir, nil)
	must(t, err)
	reports, err := datadir.Check(t.Context(), v, nil)
	must(t, err)
	messages := int64(0)
	for _, r := range reports {
		messages += r.Messages
		if !r.Sound() {
			t.Errorf("shard %d is not sound: %v %v", r.Shard, r.Damaged, r.BadCheckpoints)
		}
	}
	if len(reports) != 2 || messages != 18 || reports[0].Checkpoints != 2 || reports[0].First == 1 {
		t.Errorf("%d shards, %d messages, %d checkpoints, first record %d", len(reports), messages, reports[0].Checkpoints, reports[0].First)
	}
	var dump bytes.Buffer
	must(t, datadir.Dump(t.Context(), &dump, v, datadir.DumpOptions{Shard: -1, Bodies: true}))
	mustClose(t, v)
	if *update {
		must(t, os.WriteFile(formatDump, dump.Bytes(), 0o600))
	}
	want, err := os.ReadFile(formatDump)
	must(t, err)
	if diff := cmp.Diff(string(want), dump.String()); diff != "" {
		t.Errorf("its records (-want +got):\n%s", diff)
	}
	checkFormat(t, dir)
}

// checkFormat serves the directory at the time when it was written.
func checkFormat(t *testing.T, dir string) {
	now := clock.NewManual(formatTime.Add(30 * time.Second))
	n := openNode(t, dir, 0, nodeOptions{clock: now})
	defer n.stop()
	url := func(name string) string { return caller.BaseURL + "/" + caller.Account + "/" + name }
	counts := func(name string) string {
		a := n.attributes(url(name))
		return fmt.Sprintf("%s visible, %s in flight, %s delayed", a["ApproximateNumberOfMessages"], a["ApproximateNumberOfMessagesNotVisible"],
			a["ApproximateNumberOfMessagesDelayed"])
	}
	for name, want := range map[string]string{
		"standard":    "2 visible, 1 in flight, 1 delayed",
		"dead":        "1 visible, 0 in flight, 0 delayed",
		"orders.fifo": "2 visible, 1 in flight, 0 delayed",
		"purged":      "0 visible, 0 in flight, 0 delayed",
		"backlog":     "5 visible, 0 in flight, 0 delayed",
	} {
		if got := counts(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	a := n.attributes(url("standard"))
	for name, want := range map[string]string{"MessageRetentionPeriod": "1209600", "DelaySeconds": "0", "VisibilityTimeout": "30",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":2}`} {
		if a[name] != want {
			t.Errorf("standard: %s = %q, want %q", name, a[name], want)
		}
	}
	tags, err := n.ListQueueTags(t.Context(), caller, &api.ListQueueTagsInput{QueueUrl: url("standard")})
	must(t, err)
	if diff := cmp.Diff(map[string]string{"env": "prod", "team": "blué"}, tags.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}

	// Bodies and attributes come out as they went in.
	got := n.receive(url("standard"), 10, 30)
	if len(got) != 2 || got[0].Body != "first ☃" || *got[0].MessageAttributes["n"].StringValue != "12" || string(got[0].MessageAttributes["b"].BinaryValue) != "\x00\x01" {
		t.Errorf("received %+v", got)
	}
	dead := n.receive(url("dead"), 1, 30)
	if len(dead) != 1 || dead[0].Body != "poison" || dead[0].Attributes["ApproximateReceiveCount"] != "4" {
		t.Errorf("dead letter %+v", dead)
	}

	// What was in flight belongs to its receipt handle, which the secret in the directory signs.
	orders := url("orders.fifo")
	if again := n.receive(orders, 10, 30); len(again) != 1 || again[0].Body != "b1" {
		t.Errorf("group a is locked; received %+v", again)
	}
	// A deduplication ID that was used half a minute ago is known.
	first := n.send(orders, "a1", inGroup("a", "d-a1"))
	if fresh := n.send(orders, "a9", inGroup("a", "d-a9")); first.SequenceNumber >= fresh.SequenceNumber {
		t.Errorf("a duplicate has sequence number %s, a new message %s", first.SequenceNumber, fresh.SequenceNumber)
	}
	if got := counts("orders.fifo"); got != "2 visible, 2 in flight, 0 delayed" {
		t.Errorf("after a duplicate and a new message: %s", got)
	}
	// A queue that was deleted a moment before.
	var refused *api.Error
	if _, err := n.CreateQueue(t.Context(), caller, &api.CreateQueueInput{QueueName: new("gone")}); !errors.As(err, &refused) {
		t.Errorf("create a queue that was deleted a moment ago: %v", err)
	}
	// The move task goes on.
	source := "arn:aws:sqs:us-east-1:000000000000:redriven"
	tasks, err := n.ListMessageMoveTasks(t.Context(), caller, &api.ListMessageMoveTasksInput{SourceArn: &source})
	must(t, err)
	if len(tasks.Results) != 1 || tasks.Results[0].Status != "RUNNING" {
		t.Errorf("move tasks %+v", tasks.Results)
	}
}

func inGroup(group, dedup string) func(*api.SendMessageInput) {
	return func(in *api.SendMessageInput) { in.MessageGroupId, in.MessageDeduplicationId = &group, &dedup }
}

// writeFormat makes the archive: a directory that was closed once, and then left by a crash, so that there are table files and a
// write-ahead log, checkpoints and records before them.
func writeFormat(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	now := clock.NewManual(formatTime.Add(-time.Hour))
	n := openNode(t, dir, 2, nodeOptions{clock: now, checkpointBytes: 2000})
	n.create("dead", nil, nil)
	standard := n.create("standard", map[string]string{"MessageRetentionPeriod": "1209600",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":"2"}`},
		map[string]string{"env": "prod", "team": "blué"})
	backlog := n.create("backlog", nil, nil)
	gone := n.create("gone", nil, nil)
	purged := n.create("purged", nil, nil)
	n.send(purged, "purged")
	must(t, n.PurgeQueue(t.Context(), caller, &api.PurgeQueueInput{QueueUrl: purged}))
	for i := range 40 {
		n.send(backlog, fmt.Sprint("deleted ", i))
		for _, m := range n.receive(backlog, 1, 30) {
			must(t, n.DeleteMessage(t.Context(), caller, &api.DeleteMessageInput{QueueUrl: backlog, ReceiptHandle: &m.ReceiptHandle}))
		}
	}
	for i := range 5 {
		n.send(backlog, fmt.Sprint("waiting ", i))
	}
	n.stop()

	now.Set(formatTime)
	n = openNode(t, dir, 0, nodeOptions{clock: now, checkpointBytes: 2000})
	n.send(standard, "poison")
	for range 3 {
		n.receive(standard, 1, 0) // the third finds the receives used up
	}
	n.receive(n.url("dead"), 1, 0)
	n.send(standard, "in flight")
	n.receive(standard, 1, 43200)
	n.send(standard, "first ☃", func(in *api.SendMessageInput) {
		in.MessageAttributes = map[string]api.MessageAttributeValue{
			"n": {DataType: new("Number.int"), StringValue: new("12")},
			"b": {DataType: new("Binary"), BinaryValue: []byte{0, 1}},
		}
	})
	n.send(standard, "second")
	n.send(standard, "later", func(in *api.SendMessageInput) { in.DelaySeconds = new(int64(900)) })
	orders := n.create("orders.fifo", map[string]string{"FifoQueue": "true"}, nil)
	n.send(orders, "a1", inGroup("a", "d-a1"))
	n.send(orders, "a2", inGroup("a", "d-a2"))
	n.receive(orders, 1, 43200)
	n.send(orders, "b1", inGroup("b", "d-b1"))
	redriven := n.create("redriven", nil, nil)
	n.create("main", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:redriven","maxReceiveCount":"2"}`}, nil)
	for i := range 5 {
		n.send(redriven, fmt.Sprint("redriven ", i))
	}
	arn, to := "arn:aws:sqs:us-east-1:000000000000:redriven", "arn:aws:sqs:us-east-1:000000000000:main"
	_, err := n.StartMessageMoveTask(t.Context(), caller, &api.StartMessageMoveTaskInput{SourceArn: &arn, DestinationArn: &to, MaxNumberOfMessagesPerSecond: new(int64(1))})
	must(t, err)
	must(t, n.DeleteQueue(t.Context(), caller, &api.DeleteQueueInput{QueueUrl: gone}))
	time.Sleep(time.Second) // until the task waits for the clock
	must(t, pack(dir, formatArchive))
	n.stop()
}

func (n *node) url(name string) string { return caller.BaseURL + "/" + caller.Account + "/" + name }

// pack writes the files below dir into an archive.
func pack(dir, file string) error {
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderLevel(zstd.SpeedBestCompression))
	if err != nil {
		return err
	}
	w := tar.NewWriter(z)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		return err
	}
	if err := errors.Join(w.Close(), z.Close(), os.MkdirAll(filepath.Dir(file), 0o700)); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o600)
}

// unpack is the inverse of pack.
func unpack(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zstd.NewReader(f)
	if err != nil {
		return err
	}
	defer z.Close()
	r := tar.NewReader(z)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), writeAll(path, r))
		}
		if err != nil {
			return err
		}
	}
}

func writeAll(path string, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, slices.Clip(b), 0o600)
}
