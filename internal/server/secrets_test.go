package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/backup"
	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/server"
)

// startDebugNode starts a server that logs all it can, with these settings beside the usual ones of tests.
func startDebugNode(t *testing.T, data string, settings map[string]string) (n *node, admin string) {
	t.Helper()
	flags := map[string]string{
		"listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0", "data": data, "checkpoint-bytes": "64KiB", "shards": "2", "disk-reserve": "32MiB",
	}
	for name, value := range settings {
		flags[name] = value
	}
	cfg, _, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n = &node{t: t, stop: stop, ended: make(chan error, 1), log: &lines{}}
	ready := make(chan config.Addresses, 1)
	log := slog.New(slog.NewTextHandler(n.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	go func() { n.ended <- server.Run(ctx, cfg, log, func(a config.Addresses) { ready <- a }) }()
	select {
	case a := <-ready:
		n.at, n.endpoint = a, "http://"+a.API
		return n, "http://" + a.Admin
	case err := <-n.ended:
		t.Fatal(err)
		return nil, ""
	}
}

// TestSecretsAreNowhere sends messages through encrypted queues in every way, provokes errors, and then looks for what was in them, and
// for the keys, in every file of the data directory, in a backup, in the log, in the audit log, in the metrics and in what the tools print. One queue is not
// encrypted: what was in its messages must be found, or the search finds nothing at all.
func TestSecretsAreNowhere(t *testing.T) {
	tmp := t.TempDir()
	data, ring, audited := filepath.Join(tmp, "data"), filepath.Join(tmp, "keyring"), filepath.Join(tmp, "audit.jsonl")
	if err := keyring.Create(ring, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := keyring.Change(t.Context(), ring, keyring.Add("orders", nil, nil, time.Now())); err != nil {
		t.Fatal(err)
	}
	n, admin := startDebugNode(t, data, map[string]string{"keyring": "file:" + ring, "audit-log": audited, "audit-messages": "true"})
	sendCanaries(t, n)
	provokeErrors(t, n)
	for { // the first checkpoint is written meanwhile
		if names, err := filepath.Glob(filepath.Join(data, "checkpoints", "*", "*.ckpt")); err != nil {
			t.Fatal(err)
		} else if len(names) > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	haystacks := map[string][]byte{
		"metrics":    ask(t, data, http.MethodGet, admin+"/metrics"),
		"goroutines": ask(t, data, http.MethodGet, admin+"/debug/pprof/goroutine?debug=2"),
		"backup":     ask(t, data, http.MethodPost, admin+"/backup"),
	}
	copyDir(t, data, data+"-crashed")
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
	haystacks["log"] = []byte(n.log.String())
	entries, err := os.ReadFile(audited)
	if err != nil || !bytes.Contains(entries, []byte("sqs:SendMessage")) {
		t.Errorf("the audit log has %d bytes: %v", len(entries), err)
	}
	haystacks["audit log"] = entries
	for _, dir := range []string{data, data + "-crashed"} {
		for _, path := range files(t, dir) {
			content, err := os.ReadFile(filepath.Join(dir, path))
			if err != nil {
				t.Fatal(err)
			}
			haystacks[filepath.Base(dir)+"/"+path] = content
		}
		v, err := datadir.Open(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		unpackView(t, filepath.Base(dir), v, haystacks)
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	a, err := backup.Open("backup", bytes.NewReader(haystacks["backup"]))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	unpackView(t, "backup", a, haystacks)

	found := 0
	for where, content := range haystacks {
		for _, secret := range append(ringSecrets(t, ring), "canary") {
			if i := bytes.Index(content, []byte(secret)); i >= 0 {
				t.Errorf("%q is in %s: %q", secret, where, content[max(0, i-60):min(len(content), i+60)])
			}
		}
		if bytes.Contains(content, []byte("in the clear")) {
			found++
			if where == "log" || where == "audit log" || where == "metrics" || where == "goroutines" {
				t.Errorf("the body of a message is in %s", where)
			}
		}
	}
	if found < 4 {
		t.Errorf("what is not encrypted was found in %d places: the search does not work", found)
	}
	if !strings.Contains(string(haystacks["log"]), "level=DEBUG") && !strings.Contains(string(haystacks["log"]), "level=WARN") {
		t.Error("the log says next to nothing")
	}
}

// sendCanaries sends messages by both protocols, lets one become a dead letter, and moves it back.
func sendCanaries(t *testing.T, n *node) {
	t.Helper()
	create := func(name string, attributes map[string]string) {
		n.must("CreateQueue", map[string]any{"QueueName": name, "Attributes": attributes}, nil)
	}
	create("dead", nil)
	create("kms", map[string]string{"KmsMasterKeyId": "alias/orders",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}`})
	create("sse", nil)
	create("fifo.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true"})
	create("plain", map[string]string{"SqsManagedSseEnabled": "false"})
	create("filler", nil)
	n.must("SendMessage", map[string]any{"QueueUrl": n.url("plain"), "MessageBody": "in the clear"}, nil)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range 60 { // enough for checkpoints, and for tables of the store
		noise := make([]byte, 3000)
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		n.must("SendMessage", map[string]any{"QueueUrl": n.url("filler"), "MessageBody": fmt.Sprintf("canary-body-%d %x", i, noise)}, nil)
	}
	for _, q := range []string{"kms", "sse", "fifo.fifo"} {
		in := map[string]any{
			"QueueUrl": n.url(q), "MessageBody": "canary-body-" + q,
			"MessageAttributes": map[string]any{"canary-name": map[string]any{"DataType": "String.canary", "StringValue": "canary-value"},
				"canary-binary": map[string]any{"DataType": "Binary", "BinaryValue": []byte("canary-bytes")}},
			"MessageSystemAttributes": map[string]any{"AWSTraceHeader": map[string]any{"DataType": "String", "StringValue": "Root=canary-trace"}},
		}
		if strings.HasSuffix(q, ".fifo") {
			in["MessageGroupId"] = "g"
			n.must("SendMessage", in, nil)
			in["MessageDeduplicationId"] = "canary-dedup"
		}
		n.must("SendMessage", in, nil)
		form := url.Values{"Action": {"SendMessage"}, "MessageBody": {"canary-query"}, "MessageGroupId": {"h"}}
		answer, err := http.PostForm(n.url(q), form)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("by the Query protocol: %v, %v", answer, err)
		}
		_ = answer.Body.Close()
	}
	for range 2 {
		n.must("ReceiveMessage", map[string]any{"QueueUrl": n.url("kms"), "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}, nil)
	}
	var got received
	n.must("ReceiveMessage", map[string]any{"QueueUrl": n.url("dead"), "MaxNumberOfMessages": 1, "VisibilityTimeout": 0}, &got)
	if len(got.Messages) != 1 || !strings.HasPrefix(got.Messages[0].Body, "canary") {
		t.Fatalf("dead letters: %+v", got)
	}
	n.must("StartMessageMoveTask", map[string]any{"SourceArn": "arn:aws:sqs:us-east-1:000000000000:dead"}, nil)
	n.must("ReceiveMessage", map[string]any{"QueueUrl": n.url("kms"), "MaxNumberOfMessages": 1, "WaitTimeSeconds": 20}, &got)
	if len(got.Messages) != 1 || !strings.HasPrefix(got.Messages[0].Body, "canary") {
		t.Fatalf("moved back: %+v", got)
	}
}

// provokeErrors sends what is refused, with canaries where something could repeat them, among them things of a signature.
func provokeErrors(t *testing.T, n *node) {
	t.Helper()
	for _, in := range []map[string]any{
		{"QueueUrl": n.url("sse"), "MessageBody": "canary \x01"},
		{"QueueUrl": n.url("sse"), "MessageBody": strings.Repeat("canary", 200_000)},
		{"QueueUrl": n.url("sse"), "MessageBody": "canary", "DelaySeconds": 10_000},
		{"QueueUrl": n.url("sse"), "MessageBody": "canary", "MessageAttributes": map[string]any{"a": map[string]any{"DataType": "Number", "StringValue": "canary"}}},
		{"QueueUrl": n.url("none"), "MessageBody": "canary"},
		{"QueueUrl": n.url("sse"), "MessageBody": []string{"canary"}},
	} {
		if status := n.call("SendMessage", in, nil); status == http.StatusOK {
			t.Errorf("accepted: %.60v", in)
		}
	}
	for _, body := range []string{`{"MessageBody": "canary`, `canary`, `{"canary": `} {
		r, err := http.NewRequest(http.MethodPost, n.endpoint, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
		r.Header.Set("X-Amz-Security-Token", "canary-token")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=canary")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	answer, err := http.Get(n.url("sse") + "?Action=SendMessage&MessageBody=canary&DelaySeconds=x&X-Amz-Signature=canary")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
}

// ask asks the admin interface of the server with this data directory, with its token.
func ask(t *testing.T, data, method, url string) []byte {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(data, "admin-token"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status, err)
	}
	return body
}

// unpackView adds the records and checkpoints of a view as they are without compression, and the dump of the view.
func unpackView(t *testing.T, name string, v journal.View, haystacks map[string][]byte) {
	t.Helper()
	checkpoints := 0
	for i := range uint32(v.Shards()) {
		s, err := v.Shard(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		for _, seq := range s.Checkpoints() {
			r, err := s.Load(t.Context(), seq)
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = r.Close()
			haystacks[fmt.Sprintf("%s: checkpoint %d of shard %d", name, seq, i)] = content
			checkpoints++
		}
		var records bytes.Buffer
		base := s.Base()
		err = s.Read(t.Context(), base.Seq()+1, func(_ journal.Seq, rec []byte) error {
			records.Write(rec)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		haystacks[fmt.Sprintf("%s: records of shard %d", name, i)] = records.Bytes()
	}
	if checkpoints == 0 {
		t.Errorf("%s has no checkpoint", name)
	}
	if _, stream := v.(*backup.Archive); stream {
		return // it can be read once
	}
	var dump bytes.Buffer
	if err := datadir.Dump(t.Context(), &dump, v, datadir.DumpOptions{Shard: -1, Bodies: true}); err != nil {
		t.Fatal(err)
	}
	haystacks[name+": dump"] = dump.Bytes()
}

// ringSecrets returns the secrets of a keyring, as they are in its file and as bytes.
func ringSecrets(t *testing.T, path string) (secrets []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`secret: (\S+)`).FindAllSubmatch(text, -1) {
		raw, err := base64.StdEncoding.DecodeString(string(match[1]))
		if err != nil || len(raw) != 32 {
			t.Fatalf("not a secret: %q", match[1])
		}
		secrets = append(secrets, string(match[1]), string(raw))
	}
	if len(secrets) != 6 {
		t.Fatalf("%d secrets", len(secrets))
	}
	return secrets
}

// TestStartWithoutKeys starts with keyrings that cannot be used.
func TestStartWithoutKeys(t *testing.T) {
	ring := filepath.Join(t.TempDir(), "keyring")
	for name, content := range map[string]string{"missing": "", "broken": "format: 1\n"} {
		if content != "" {
			if err := os.WriteFile(ring, []byte(content), fs.FileMode(0o600)); err != nil {
				t.Fatal(err)
			}
		}
		cfg, _, err := config.Load(config.Sources{Flags: map[string]string{"listen": "127.0.0.1:0", "admin-listen": "", "journal": "memory", "keyring": "file:" + ring}})
		if err != nil {
			t.Fatal(err)
		}
		err = server.Run(t.Context(), cfg, slog.New(slog.DiscardHandler), nil)
		if err == nil || !strings.Contains(err.Error(), ring) || !strings.Contains(err.Error(), "encryption.md") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
