// Command floor is the least that a durable SQS server can do, to measure the others against: net/http, a verified AWS signature, a hand-written
// decoder and encoder of JSON, MD5, a UUID, and one fsync for all requests that wait for one. It knows SendMessage, ReceiveMessage, DeleteMessage
// and their batches, enough for a round trip, and of queues CreateQueue and DeleteQueue.
//
// It is a yardstick and no server to use: it never reads its file, keeps all messages in memory, and has no visibility timeouts, attributes, limits or FIFO
// queues. -sync says what an answer waits for: growing (fdatasync of a file that is appended to), preallocated (fdatasync of one that was filled with
// zeros before and is written over in a circle, so that a sync has no metadata to write), or none. It prints its endpoint when it answers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// preallocatedBytes is how large the preallocated file is.
const preallocatedBytes = 256 << 20

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	data := flag.String("data", "", "directory for the file (default: a temporary one)")
	sync := flag.String("sync", growing, "what an answer waits for: growing, preallocated or none")
	accessKey := flag.String("access-key", "test", "access key that requests are signed with")
	secretKey := flag.String("secret-key", "test", "its secret key")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *data, *sync, &verifier{accessKey: *accessKey, secretKey: *secretKey}); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, listen, data, sync string, v *verifier) error {
	if data == "" {
		dir, err := os.MkdirTemp("", "staunch-floor-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		data = dir
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	j, err := openJournal(filepath.Join(data, "floor.journal"), sync, preallocatedBytes)
	if err != nil {
		return err
	}
	defer j.close()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{ // as the server that it is compared with
		Handler: newHandler(j, v), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 120 * time.Second, MaxHeaderBytes: 64 << 10,
		ConnContext: func(context.Context, net.Conn) context.Context { return ctx }, // so that waiting receives end with it
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	fmt.Printf("http://%s\n", listener.Addr())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	_ = server.Close()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
