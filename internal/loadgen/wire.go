package loadgen

// outgoing is a message to be sent.
type outgoing struct {
	body  []byte
	group int // -1: the queue is not a FIFO queue
}

// incoming is a message that was received. Its slices are of the answer, and as the answer has them.
type incoming struct {
	body, handle []byte
}

// wire is one of the two protocols: how requests are written and what answers say. Append methods append the body of a request to dst and
// return it.
type wire interface {
	// head returns the path of an action's requests (empty: the endpoint's), their content type, and X-Amz-Target.
	head(action string) (path, contentType, target string)
	// use sets the queue of all further requests.
	use(queueURL string) error

	appendCreate(dst []byte, name string, attributes map[string]string) []byte
	appendGetURL(dst []byte, name string) []byte
	appendDeleteQueue(dst []byte) []byte
	queueURL(answer []byte) (string, error)

	appendSend(dst []byte, m outgoing, number uint64) []byte
	appendSendBatch(dst []byte, list []outgoing, first uint64) []byte
	appendReceive(dst []byte, max, waitSeconds int) []byte
	appendDelete(dst, handle []byte) []byte
	appendDeleteBatch(dst []byte, list []incoming) []byte

	// received appends the messages of an answer to dst.
	received(answer []byte, dst []incoming) ([]incoming, error)
	// refused tells whether the answer to a batch says that an entry failed.
	refused(answer []byte) bool
}

func newWire(protocol string) wire {
	if protocol == Query {
		return &queryWire{}
	}
	return &jsonWire{}
}
