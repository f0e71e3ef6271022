package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A kind is a sort of value: how it is written, and which values are accepted.
type kind[T any] struct {
	name   string
	limits string
	words  []string                     // all values, when they are few words
	parse  func(text string) (T, error) // the error says what is wrong and what would be right
	format func(value T) string         // Invariant: parse(format(v)) is v
}

// rejected is the error for a text that is not an accepted value. It always says which are.
func rejected(text, limits string) error {
	return fmt.Errorf("%q is not accepted; it must be %s", text, limits)
}

func outOfRange(text, limits string) error { return fmt.Errorf("%s is out of range %s", text, limits) }

// same is the format of kinds that are kept as they were written.
func same(text string) string { return text }

// text accepts anything but nothing.
func text(name string) kind[string] {
	const limits = "not empty"
	return kind[string]{name: name, limits: limits, format: same, parse: func(text string) (string, error) {
		if text == "" {
			return "", errors.New("it must not be empty")
		}
		return text, nil
	}}
}

// optional also accepts the empty text.
func optional(k kind[string]) kind[string] {
	parse := k.parse
	k.limits += ", or empty"
	k.parse = func(text string) (string, error) {
		if text == "" {
			return "", nil
		}
		return parse(text)
	}
	return k
}

// matching accepts what a pattern matches.
func matching(name, limits, pattern string) kind[string] {
	re := regexp.MustCompile(`^(?:` + pattern + `)$`)
	return kind[string]{name: name, limits: limits, format: same, parse: func(text string) (string, error) {
		if !re.MatchString(text) {
			return "", rejected(text, limits)
		}
		return text, nil
	}}
}

func regionName() kind[string] {
	return matching("region", "1 to 32 lower-case letters, digits and hyphens", `[a-z0-9-]{1,32}`)
}

func regionNames() kind[[]string] {
	return list("regions", "names of regions", "a region", regionName())
}

func domainNames() kind[[]string] { return list("names", "domain names", "a name", domainName()) }

// list accepts values separated by commas, also none.
func list[T any](name, plural, singular string, one kind[T]) kind[[]T] {
	limits := plural + " separated by commas, or empty"
	return kind[[]T]{name: name, limits: limits,
		format: func(values []T) string {
			texts := make([]string, len(values))
			for i, value := range values {
				texts[i] = one.format(value)
			}
			return strings.Join(texts, ",")
		},
		parse: func(text string) (values []T, err error) {
			if strings.TrimSpace(text) == "" {
				return nil, nil
			}
			for item := range strings.SplitSeq(text, ",") {
				value, err := one.parse(strings.TrimSpace(item))
				if err != nil {
					return nil, rejected(text, limits+"; "+singular+" is "+one.limits)
				}
				values = append(values, value)
			}
			return values, nil
		}}
}

// networks accepts addresses and networks such as 10.0.0.0/8.
func networks() kind[[]netip.Prefix] {
	const limits = "an address, or a network such as 10.0.0.0/8"
	return list("networks", "addresses and networks", "a network", kind[netip.Prefix]{limits: limits,
		format: netip.Prefix.String,
		parse: func(text string) (netip.Prefix, error) {
			if address, err := netip.ParseAddr(text); err == nil {
				return netip.PrefixFrom(address.Unmap().WithZone(""), address.Unmap().BitLen()), nil
			}
			prefix, err := netip.ParsePrefix(text)
			if err != nil {
				return prefix, rejected(text, limits)
			}
			return prefix.Masked(), nil
		}})
}

func filePath() kind[string] { return matching("path", "a path", ".+") }

func accountID() kind[string] { return matching("account", "12 digits", `[0-9]{12}`) }

func domainName() kind[string] {
	const label = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
	return matching("name", "a domain name in lower case", label+`(\.`+label+`)*`)
}

// address accepts host:port with a port number. An empty host is every address of the machine.
func address() kind[string] {
	const limits = "host:port with a port of 0 to 65535"
	return kind[string]{name: "address", limits: limits, format: same, parse: func(text string) (string, error) {
		host, port, err := net.SplitHostPort(text)
		if err != nil {
			return "", rejected(text, limits)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil || strings.ContainsAny(host, " /@") {
			return "", rejected(text, limits)
		}
		return text, nil
	}}
}

// keyringSource accepts where a keyring can come from.
func keyringSource() kind[string] {
	return matching("source", "file:PATH, env:NAME, credential:NAME or built-in", `file:.+|env:[^=]+|credential:[^/]+|built-in`)
}

// webURL accepts the start of an http or https URL and takes the slash at its end off.
func webURL() kind[string] {
	const limits = "an http:// or https:// URL without user, query or fragment"
	return kind[string]{name: "url", limits: limits, format: same, parse: func(text string) (string, error) {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
			u.User != nil || strings.ContainsAny(text, "?#") {
			return "", rejected(text, limits)
		}
		return strings.TrimRight(text, "/"), nil
	}}
}

// choice accepts one of a few words.
func choice[T ~string](words ...T) kind[T] {
	limits := oneOf(words)
	return kind[T]{
		name: "word", limits: limits, words: plain(words),
		format: func(value T) string { return string(value) },
		parse: func(text string) (T, error) {
			if !slices.Contains(words, T(text)) {
				return "", rejected(text, limits)
			}
			return T(text), nil
		},
	}
}

func plain[T ~string](words []T) []string {
	plain := make([]string, len(words))
	for i, word := range words {
		plain[i] = string(word)
	}
	return plain
}

func oneOf[T ~string](words []T) string {
	var b strings.Builder
	for i, word := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(word))
	}
	return b.String()
}

func logLevel() kind[slog.Level] {
	word := choice("debug", "info", "warn", "error")
	return kind[slog.Level]{
		name: word.name, limits: word.limits, words: word.words,
		format: func(level slog.Level) string { return strings.ToLower(level.String()) },
		parse: func(text string) (level slog.Level, err error) {
			if _, err := word.parse(text); err != nil {
				return 0, err
			}
			return level, level.UnmarshalText([]byte(text))
		},
	}
}

func levelField(c *Config) *slog.Level { return &c.LogLevel }

func boolean() kind[bool] {
	const limits = "true or false"
	return kind[bool]{name: "bool", limits: limits, format: strconv.FormatBool, parse: func(text string) (bool, error) {
		value, err := strconv.ParseBool(text)
		if err != nil {
			return false, rejected(text, limits)
		}
		return value, nil
	}}
}

// count accepts whole numbers, also as 10k and 2M.
func count(lowest, highest int) kind[int] {
	limits := fmt.Sprintf("%d to %d", lowest, highest)
	return kind[int]{name: "count", limits: limits, format: strconv.Itoa, parse: func(text string) (int, error) {
		n, err := scaled(text, []unit{{"", 1}, {"k", 1000}, {"m", 1_000_000}})
		switch {
		case errors.Is(err, errTooLarge), err == nil && (n < int64(lowest) || n > int64(highest)):
			return 0, outOfRange(text, limits)
		case err != nil:
			return 0, rejected(text, "a whole number, "+limits)
		}
		return int(n), nil
	}}
}

var sizeUnits = []unit{
	{"GiB", gib}, {"MiB", mib}, {"KiB", kib}, {"B", 1}, {"", 1}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3},
}

// size accepts a number of bytes, also as 64MiB or 500kB.
func size(lowest, highest int64) kind[int64] {
	limits := fmt.Sprintf("%s to %s", formatSize(lowest), formatSize(highest))
	return kind[int64]{name: "size", limits: limits, format: formatSize, parse: func(text string) (int64, error) {
		n, err := scaled(text, sizeUnits)
		switch {
		case errors.Is(err, errTooLarge), err == nil && (n < lowest || n > highest):
			return 0, outOfRange(text, limits)
		case err != nil:
			return 0, rejected(text, "a size such as 500kB or 64MiB, "+limits)
		}
		return n, nil
	}}
}

// wholeSize accepts sizes that are multiples of unit, which divides the limits.
func wholeSize(unit, lowest, highest int64) kind[int64] {
	k := size(lowest, highest)
	k.limits += " in steps of " + formatSize(unit)
	parse := k.parse
	k.parse = func(text string) (int64, error) {
		n, err := parse(text)
		if err == nil && n%unit != 0 {
			return 0, rejected(text, k.limits)
		}
		return n, err
	}
	return k
}

func formatSize(bytes int64) string {
	for _, u := range sizeUnits {
		if bytes >= u.factor && bytes%u.factor == 0 {
			return strconv.FormatInt(bytes/u.factor, 10) + u.name
		}
	}
	return "0B"
}

// duration accepts 90s, 1m30s, 500ms and 0.
func duration(lowest, highest time.Duration) kind[time.Duration] {
	limits := fmt.Sprintf("%s to %s", formatDuration(lowest), formatDuration(highest))
	return kind[time.Duration]{name: "duration", limits: limits, format: formatDuration,
		parse: func(text string) (time.Duration, error) {
			d, err := time.ParseDuration(text)
			switch {
			case err != nil:
				return 0, rejected(text, "a duration with its unit such as 90s or 1m30s, "+limits)
			case d < lowest || d > highest:
				return 0, outOfRange(text, limits)
			}
			return d, nil
		}}
}

// formatDuration writes whole seconds, minutes and hours the way people do: 60s and 5m, not 1m0s and 5m0s.
func formatDuration(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d > time.Minute && d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	case d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	default:
		return d.String()
	}
}

// A unit is what may follow a number, and what it multiplies by.
type unit struct {
	name   string
	factor int64
}

var (
	errNotANumber = errors.New("not a number with a known unit")
	errTooLarge   = errors.New("too large")
)

// scaled reads a whole number with an optional unit. Case and one space between them do not matter.
func scaled(text string, units []unit) (int64, error) {
	end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '-' })
	if end < 0 {
		end = len(text)
	}
	name := strings.TrimPrefix(text[end:], " ")
	at := slices.IndexFunc(units, func(u unit) bool { return strings.EqualFold(u.name, name) })
	if at < 0 {
		return 0, errNotANumber
	}
	n, err := strconv.ParseInt(text[:end], 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, errTooLarge
	case err != nil:
		return 0, errNotANumber
	}
	product := n * units[at].factor
	if product/units[at].factor != n {
		return 0, errTooLarge
	}
	return product, nil
}
