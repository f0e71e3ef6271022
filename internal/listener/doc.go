// Package listener is what lies between a socket and HTTP: TLS, with certificates that change while the server runs, and limits on how
// many connections there are. It knows nothing of requests.
//
//	net.Listener ─► Limit (how many, from where) ─► TLS.Wrap ─► net/http
//
// Everything in it may be used from several goroutines.
package listener
