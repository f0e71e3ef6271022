package sigv4

import (
	"slices"
	"strconv"
	"strings"
)

// appendCanonical appends the canonical request: what both sides hash.
func appendCanonical(dst []byte, r *Request, s *Signature, host, path, query string, payload []byte) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, '\n')
	dst = appendEncoded(dst, path, true)
	dst = append(dst, '\n')
	dst = append(dst, query...)
	dst = append(dst, '\n')
	for rest, more := s.headers, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, ";")
		dst = append(dst, name...)
		dst = append(dst, ':')
		dst = appendHeader(dst, r, name, host)
		dst = append(dst, '\n')
	}
	dst = append(dst, '\n')
	dst = append(dst, s.headers...)
	dst = append(dst, '\n')
	return append(dst, payload...)
}

// appendHeader appends the value of a header by its lower-case name: values of the same name joined by commas, each without
// spaces around it and with runs of spaces inside it made one.
func appendHeader(dst []byte, r *Request, name, host string) []byte {
	if name == "host" {
		return append(dst, host...)
	}
	values := lookup(r, name)
	if name == "content-length" && len(values) == 0 && r.ContentLength >= 0 {
		return strconv.AppendInt(dst, r.ContentLength, 10)
	}
	for i, value := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		value = strings.Trim(value, " \t")
		for {
			run := strings.Index(value, "  ")
			if run < 0 {
				break
			}
			dst = append(dst, value[:run]...)
			value = strings.TrimLeft(value[run+1:], " ")
			dst = append(dst, ' ')
		}
		dst = append(dst, value...)
	}
	return dst
}

// lookup returns the values of a header by its lower-case name, as r.Header[http.CanonicalHeaderKey(name)] without allocation.
func lookup(r *Request, name string) []string {
	var buf [64]byte
	key := append(buf[:0], name...)
	upper := true
	for i, c := range key {
		if upper && c >= 'a' && c <= 'z' {
			key[i] = c - 'a' + 'A'
		}
		upper = c == '-'
	}
	return r.Header[string(key)]
}

// normalized returns a path without dot segments and repeated slashes.
func normalized(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	parts := strings.Split(path, "/")
	for _, part := range parts {
		switch part {
		case "", ".":
		case "..":
			kept = kept[:max(0, len(kept)-1)]
		default:
			kept = append(kept, part)
		}
	}
	last := parts[len(parts)-1]
	if len(kept) > 0 && (last == "" || last == "." || last == "..") {
		kept = append(kept, "")
	}
	return "/" + strings.Join(kept, "/")
}

// canonicalQuery returns the parameters decoded, encoded in the one canonical way, and sorted. The signature itself is left out.
func canonicalQuery(query string) string {
	if query == "" {
		return ""
	}
	pairs := make([]pair, 0, 1+strings.Count(query, "&"))
	eachPair(query, func(name, value string) {
		if decoded(name) != "X-Amz-Signature" {
			pairs = append(pairs, pair{recoded(name), recoded(value)})
		}
	})
	slices.SortFunc(pairs, func(a, b pair) int {
		if a.name != b.name {
			return strings.Compare(a.name, b.name)
		}
		return strings.Compare(a.value, b.value)
	})
	var b strings.Builder
	b.Grow(len(query) + len(pairs))
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}

type pair struct{ name, value string }

// eachPair calls fn for each name=value of a query string, still encoded.
func eachPair(query string, fn func(name, value string)) {
	for query != "" {
		var p string
		p, query, _ = strings.Cut(query, "&")
		if p == "" {
			continue
		}
		name, value, _ := strings.Cut(p, "=")
		fn(name, value)
	}
}

// presignFields returns the parameters of a query string that make up a signature, nil if it has none of those.
func presignFields(query string) (map[string]string, error) {
	if !strings.Contains(query, "mz-") { // "X-Amz-" may be percent-encoded, but hardly all of it
		return nil, nil
	}
	var fields map[string]string
	signed := false
	var err error
	eachPair(query, func(name, value string) {
		name = decoded(name)
		switch name {
		case "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature":
			signed = true
		case "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Security-Token":
		default:
			return
		}
		if _, twice := fields[name]; twice {
			err = incomplete("The query string has the parameter '%s' twice.", name)
		}
		if fields == nil {
			fields = make(map[string]string)
		}
		fields[name] = decoded(value)
	})
	if !signed {
		return nil, nil
	}
	return fields, err
}

// recoded decodes a part of a query string and encodes it canonically.
func recoded(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && isUnreserved(s[i])
	}
	if plain {
		return s
	}
	return string(appendEncoded(nil, decoded(s), false))
}

// decoded undoes percent-encoding; "+" is a space, as in forms. Broken encoding stays as it is: whoever reads the parameters refuses it.
func decoded(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			out = append(out, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// appendEncoded appends s with everything percent-encoded but what RFC 3986 calls unreserved, and slashes if they may stay.
func appendEncoded(dst []byte, s string, slashes bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if isUnreserved(c) || slashes && c == '/' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// unhex returns the value of a hexadecimal digit, or -1.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c - 'a' + 10)
	case 'A' <= c && c <= 'F':
		return int(c - 'A' + 10)
	}
	return -1
}
