package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
)

// request has the members that the floor's actions have.
type request struct {
	queue   string // URL or name
	entries []entry
	max     int
	wait    int // seconds
}

// entry is a message to send or to delete. Its slices are of the request's body, but for strings with escapes.
type entry struct {
	id, body, handle []byte
}

var errJSON = errors.New("the body is not the JSON of a request")

// decoder reads JSON from left to right.
type decoder struct {
	b  []byte
	at int
}

// decode reads a request. A single message is one entry.
func decode(b []byte) (r request, err error) {
	d := &decoder{b: b}
	single := entry{id: []byte("0")}
	err = d.object(func(name []byte) (err error) {
		var text []byte
		switch string(name) {
		case "QueueUrl", "QueueName":
			text, err = d.text()
			r.queue = string(text)
		case "MessageBody":
			single.body, err = d.text()
		case "ReceiptHandle":
			single.handle, err = d.text()
		case "MaxNumberOfMessages":
			r.max, err = d.number()
		case "WaitTimeSeconds":
			r.wait, err = d.number()
		case "Entries":
			r.entries, err = d.entries()
		default:
			err = d.skip()
		}
		return err
	})
	if single.body != nil || single.handle != nil {
		r.entries = []entry{single}
	}
	return r, err
}

func (d *decoder) entries() (list []entry, err error) {
	if !d.take('[') {
		return nil, errJSON
	}
	list = make([]entry, 0, 10)
	for !d.take(']') {
		if len(list) > 0 && !d.take(',') {
			return nil, errJSON
		}
		var e entry
		err := d.object(func(name []byte) (err error) {
			switch string(name) {
			case "Id":
				e.id, err = d.text()
			case "MessageBody":
				e.body, err = d.text()
			case "ReceiptHandle":
				e.handle, err = d.text()
			default:
				err = d.skip()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// object calls member for each name; it reads the value.
func (d *decoder) object(member func(name []byte) error) error {
	if !d.take('{') {
		return errJSON
	}
	for first := true; !d.take('}'); first = false {
		if !first && !d.take(',') {
			return errJSON
		}
		name, err := d.text()
		if err != nil || !d.take(':') {
			return errJSON
		}
		if err := member(name); err != nil {
			return err
		}
	}
	return nil
}

// space skips white space.
func (d *decoder) space() {
	for d.at < len(d.b) && (d.b[d.at] == ' ' || d.b[d.at] == '\n' || d.b[d.at] == '\t' || d.b[d.at] == '\r') {
		d.at++
	}
}

// take reads c if it is next.
func (d *decoder) take(c byte) bool {
	d.space()
	if d.at < len(d.b) && d.b[d.at] == c {
		d.at++
		return true
	}
	return false
}

// text reads a string.
func (d *decoder) text() ([]byte, error) {
	d.space()
	begin := d.at
	if !d.take('"') {
		return nil, errJSON
	}
	quote := bytes.IndexByte(d.b[d.at:], '"')
	if quote < 0 {
		return nil, errJSON
	}
	plain := d.b[d.at : d.at+quote]
	if bytes.IndexByte(plain, '\\') < 0 {
		d.at += quote + 1
		return plain, nil
	}
	for ; d.at < len(d.b) && d.b[d.at] != '"'; d.at++ {
		if d.b[d.at] == '\\' {
			d.at++
		}
	}
	d.at = min(d.at+1, len(d.b))
	var s string
	err := json.Unmarshal(d.b[begin:d.at], &s)
	return []byte(s), err
}

// number reads an integer.
func (d *decoder) number() (int, error) {
	d.space()
	begin := d.at
	for d.at < len(d.b) && (d.b[d.at] == '-' || d.b[d.at] >= '0' && d.b[d.at] <= '9') {
		d.at++
	}
	return strconv.Atoi(string(d.b[begin:d.at]))
}

// skip reads any value.
func (d *decoder) skip() error {
	in := json.NewDecoder(bytes.NewReader(d.b[d.at:]))
	var any json.RawMessage
	if err := in.Decode(&any); err != nil {
		return err
	}
	d.at += int(in.InputOffset())
	return nil
}
