package loadgen

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"time"
)

// stampBytes is how long the stamp is that a body begins with, in hexadecimal digits: the run (8), the number of the message
// (10), its group (6), and when it was due, in nanoseconds of the run (12). The rest is text that the number decides.
const stampBytes = 8 + 10 + 6 + 12

// fillerBytes is how much text bodies are cut from. More than a journal compresses in one piece.
const fillerBytes = 1 << 20

// stamp is what a body says about its message.
type stamp struct {
	number uint64
	group  int
	due    time.Duration // since the run began
}

// bodies makes the bodies of one run and recognises them.
type bodies struct {
	run    uint32
	size   int
	filler []byte // fillerBytes, and its beginning once more so that a cut never wraps
}

func newBodies(run uint32, size int, seed uint64) *bodies {
	// Safe in JSON strings, in forms and in XML as they are.
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	random := rand.New(rand.NewPCG(seed, 0))
	text := make([]byte, fillerBytes, fillerBytes+size)
	for i := range text {
		text[i] = letters[random.Uint32()%uint32(len(letters))]
	}
	return &bodies{run: run, size: size, filler: append(text, text[:size]...)}
}

// rest returns what a body has after its stamp.
func (b *bodies) rest(number uint64) []byte {
	at := number * 0x9E3779B97F4A7C15 >> 32 % fillerBytes // Knuth's multiplicative hash: neighbours get unlike texts
	return b.filler[at : at+uint64(b.size-stampBytes)]
}

// append appends the body of a message.
func (b *bodies) append(dst []byte, s stamp) []byte {
	dst = appendHex(dst, uint64(b.run), 8)
	dst = appendHex(dst, s.number, 10)
	dst = appendHex(dst, uint64(s.group), 6)
	dst = appendHex(dst, uint64(s.due), 12)
	return append(dst, b.rest(s.number)...)
}

// parse reads a body. foreign: another run made it, or something else. damaged: it is of this run and not as it was sent.
func (b *bodies) parse(body []byte) (s stamp, foreign, damaged bool) {
	if len(body) < stampBytes {
		return s, true, false
	}
	run, ok := parseHex(body[:8])
	if !ok || uint32(run) != b.run {
		return s, true, false
	}
	number, ok1 := parseHex(body[8:18])
	group, ok2 := parseHex(body[18:24])
	due, ok3 := parseHex(body[24:36])
	whole := ok1 && ok2 && ok3 && len(body) == b.size && bytes.Equal(body[stampBytes:], b.rest(number))
	return stamp{number, int(group), time.Duration(due)}, false, !whole
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, v uint64, digits int) []byte {
	for shift := (digits - 1) * 4; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

func parseHex(text []byte) (uint64, bool) {
	v, err := strconv.ParseUint(string(text), 16, 64)
	return v, err == nil
}
