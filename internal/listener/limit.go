package listener

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// LimitOptions say how many connections there may be. Zero is no limit.
type LimitOptions struct {
	// Max is the most connections at once, and MaxPerAddress the most from one address; the addresses of an IPv6 /64 count as one.
	Max, MaxPerAddress int
	// Refused, if set, is called for each connection that is closed because of a limit: "total" or "address".
	Refused func(limit string)
}

// Limited is a listener that closes connections beyond its limits as soon as they come. It does not leave them waiting: a client that is
// told at once tries again, or elsewhere.
type Limited struct {
	net.Listener
	options LimitOptions
	open    atomic.Int64

	mu        sync.Mutex
	addresses map[netip.Addr]int // guarded by mu; connections by address, where these are limited. Invariant: all are > 0
}

// Limit returns l with limits.
func Limit(l net.Listener, o LimitOptions) *Limited {
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	return &Limited{Listener: l, options: o, addresses: make(map[netip.Addr]int)}
}

// Open returns how many connections there are.
func (l *Limited) Open() int64 { return l.open.Load() }

// Accept waits for the next connection within the limits.
func (l *Limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := addressOf(c)
		if limit := l.take(address); limit != "" {
			l.options.Refused(limit)
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0) // nothing of it stays, not even in the kernel
			}
			_ = c.Close()
			continue
		}
		return &limitedConn{Conn: c, release: sync.OnceFunc(func() { l.give(address) })}, nil
	}
}

// take counts a connection, or returns the limit that it is beyond.
func (l *Limited) take(address netip.Addr) (limit string) {
	if n := l.open.Add(1); l.options.Max > 0 && n > int64(l.options.Max) {
		l.open.Add(-1)
		return "total"
	}
	if l.options.MaxPerAddress == 0 {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.addresses[address] >= l.options.MaxPerAddress {
		l.open.Add(-1)
		return "address"
	}
	l.addresses[address]++
	return ""
}

// give ends what take began.
func (l *Limited) give(address netip.Addr) {
	l.open.Add(-1)
	if l.options.MaxPerAddress == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.addresses[address]--; l.addresses[address] == 0 {
		delete(l.addresses, address)
	}
}

// addressOf returns whom a connection counts for. What has no address (a pipe) counts for the zero one.
func addressOf(c net.Conn) netip.Addr {
	peer, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap().WithZone("")
	if address.Is6() {
		network, _ := address.Prefix(64) // what one customer of a provider gets; 64 is a valid length
		address = network.Addr()
	}
	return address
}

// limitedConn gives its place back when it is closed.
type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// CloseWrite lets who answers last end a connection without losing the answer.
func (c *limitedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
