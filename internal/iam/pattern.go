package iam

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// In a compiled pattern these bytes, which never occur in UTF-8, stand for the wildcards.
const (
	anyText      = 0xFE // *
	anyCharacter = 0xFF // ?
)

// searchedMax bounds the bytes of a part between two * that has a ? in it: such a part is searched for byte by byte.
const searchedMax = 64

// pattern is a text with wildcards and policy variables.
type pattern struct {
	written string
	// text is the compiled text if there are no variables.
	text string
	// parts are what is put together for each request if there are variables; else nil.
	parts []part
}

// part is a piece of a pattern: compiled text, or a variable.
type part struct {
	text     string
	variable *variable
}

// variable is ${key} or ${key, 'fallback'}.
type variable struct {
	key         key
	fallback    string
	hasFallback bool
}

// syntax says what has a meaning in a pattern.
type syntax struct {
	wildcards bool // * and ?
	variables bool // ${...}: only in documents of version 2012-10-17
}

// compilePattern reads a pattern.
func compilePattern(written string, s syntax) (pattern, error) {
	p := pattern{written: written}
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			p.parts = append(p.parts, part{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(written); i++ {
		c := written[i]
		switch {
		case s.wildcards && c == '*':
			text.WriteByte(anyText)
		case s.wildcards && c == '?':
			text.WriteByte(anyCharacter)
		case s.variables && c == '$' && strings.HasPrefix(written[i:], "${"):
			end := strings.IndexByte(written[i:], '}')
			if end < 0 {
				return p, fmt.Errorf("%q has ${ without a }", written)
			}
			inside := written[i+2 : i+end]
			i += end
			if inside == "*" || inside == "?" || inside == "$" {
				text.WriteString(inside)
				continue
			}
			v, err := compileVariable(inside)
			if err != nil {
				return p, fmt.Errorf("%q: %w", written, err)
			}
			flush()
			p.parts = append(p.parts, part{variable: v})
		default:
			text.WriteByte(c)
		}
	}
	if p.parts != nil {
		flush()
		return p, p.check()
	}
	p.text = text.String()
	return p, p.check()
}

// compileVariable reads what stands between ${ and }.
func compileVariable(inside string) (*variable, error) {
	name, fallback, hasFallback := strings.Cut(inside, ",")
	v := &variable{hasFallback: hasFallback}
	var err error
	if v.key, err = compileKey(strings.TrimSpace(name)); err != nil {
		return nil, fmt.Errorf("${%s} is not a policy variable: %w", inside, err)
	}
	if hasFallback {
		quoted := strings.TrimSpace(fallback)
		if len(quoted) < 2 || quoted[0] != '\'' || quoted[len(quoted)-1] != '\'' {
			return nil, fmt.Errorf("the default of ${%s} must stand in single quotes", inside)
		}
		v.fallback = quoted[1 : len(quoted)-1]
	}
	return v, nil
}

// check refuses what could not be searched for in linear time.
func (p *pattern) check() error {
	length, single, stars := 0, false, 0
	end := func() error {
		if stars > 0 && single && length > searchedMax {
			return fmt.Errorf("%q has a part between two * with a ? in it that is longer than %d bytes", p.written, searchedMax)
		}
		return nil
	}
	text := p.text
	for _, part := range p.parts {
		text += part.text
	}
	for i := range len(text) {
		switch text[i] {
		case anyText:
			if err := end(); err != nil {
				return err
			}
			length, single = 0, false
			stars++
		case anyCharacter:
			single = true
			length++
		default:
			length++
		}
	}
	return nil
}

// resolve returns the compiled text of the pattern for a request. It says false if a variable has no value there.
func (p *pattern) resolve(q *Request) (string, bool) {
	if p.parts == nil {
		return p.text, true
	}
	var b strings.Builder
	for _, part := range p.parts {
		if part.variable == nil {
			b.WriteString(part.text)
			continue
		}
		value, ok := part.variable.value(q)
		if !ok {
			return "", false
		}
		b.WriteString(value)
	}
	return b.String(), true
}

// value is what stands for the variable in a request. What is no UTF-8 is no value: it could be taken for wildcards.
func (v *variable) value(q *Request) (string, bool) {
	var room [1]value
	values := q.values(&v.key, room[:0])
	if len(values) == 1 {
		text := values[0].asText()
		return text, utf8.ValidString(text)
	}
	return v.fallback, v.hasFallback && len(values) == 0
}

// matchText tells whether a compiled text matches s: anyText stands for any text, anyCharacter for one character.
func matchText(p, s string) bool {
	star := strings.IndexByte(p, anyText)
	if star < 0 {
		n := matchPrefix(p, s)
		return n == len(s)
	}
	n := matchPrefix(p[:star], s)
	if n < 0 {
		return false
	}
	p, s = p[star+1:], s[n:]
	for {
		star = strings.IndexByte(p, anyText)
		if star < 0 {
			return matchSuffix(p, s)
		}
		end := search(p[:star], s)
		if end < 0 {
			return false
		}
		p, s = p[star+1:], s[end:]
	}
}

// matchPrefix returns how much of s a text without anyText takes from its beginning, or -1.
func matchPrefix(p, s string) int {
	n := 0
	for i := range len(p) {
		switch {
		case n == len(s):
			return -1
		case p[i] == anyCharacter:
			_, size := utf8.DecodeRuneInString(s[n:])
			n += size
		case p[i] == s[n]:
			n++
		default:
			return -1
		}
	}
	return n
}

// matchSuffix tells whether s ends with a text without anyText.
func matchSuffix(p, s string) bool {
	n := len(s)
	for i := len(p) - 1; i >= 0; i-- {
		switch {
		case n == 0:
			return false
		case p[i] == anyCharacter:
			_, size := utf8.DecodeLastRuneInString(s[:n])
			n -= size
		case p[i] == s[n-1]:
			n--
		default:
			return false
		}
	}
	return true
}

// search returns the end of the first place in s where a text without anyText matches, or -1.
func search(p, s string) int {
	if strings.IndexByte(p, anyCharacter) < 0 {
		at := strings.Index(s, p)
		if at < 0 {
			return -1
		}
		return at + len(p)
	}
	for at := range s {
		if n := matchPrefix(p, s[at:]); n >= 0 {
			return at + n
		}
	}
	return -1
}

// matchARN tells whether a compiled ARN matches s part by part: a wildcard does not reach beyond its part, apart from the last.
// The text * alone matches every ARN.
func matchARN(p, s string) bool {
	if p == string([]byte{anyText}) {
		return strings.HasPrefix(s, "arn:")
	}
	for range 5 {
		pPart, pRest, pMore := strings.Cut(p, ":")
		sPart, sRest, sMore := strings.Cut(s, ":")
		if !pMore || !sMore || !matchText(pPart, sPart) {
			return false
		}
		p, s = pRest, sRest
	}
	return matchText(p, s)
}
