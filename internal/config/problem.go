package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// An Origin says where a value came from.
type Origin struct {
	layer layer
	place string // the name of the file, the variable or the flag
	line  int    // in the file
}

// A layer is one of the places where settings are given. Later ones win.
type layer int

const (
	defaults layer = iota
	file
	environment
	flags
)

// String returns the place for people: "default", "staunch.yaml:3", "STAUNCH_LISTEN" or "--listen".
func (o Origin) String() string {
	switch o.layer {
	case file:
		if o.line == 0 {
			return o.place
		}
		return o.place + ":" + strconv.Itoa(o.line)
	case environment:
		return o.place
	case flags:
		return "--" + o.place
	default:
		return "default"
	}
}

// A Problem is one thing that is wrong with the settings.
type Problem struct {
	Origin  Origin
	Setting string // the name of the setting, empty when it is about something else
	Text    string // what is wrong and what would be right
}

// String returns one line: "staunch.yaml:3: shards: 300 is out of range 0 to 256".
func (p Problem) String() string {
	if p.Setting == "" {
		return fmt.Sprintf("%s: %s", p.Origin, p.Text)
	}
	return fmt.Sprintf("%s: %s: %s", p.Origin, p.Setting, p.Text)
}

// An Error is everything that is wrong with the settings, in the order file, environment, flags, and then what is
// wrong with several of them together.
type Error struct{ Problems []Problem }

// Error returns one line for each problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Nearest returns the candidate that is most like word: the one with the fewest letters to change, insert, delete or
// swap with a neighbour. One that contains the whole word counts as one letter away. Of several the first
// is returned; without candidates the empty string.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", -1
	for _, candidate := range candidates {
		d := distance(word, candidate)
		if len(word) >= 3 && strings.Contains(candidate, word) {
			d = min(d, 1)
		}
		if bestDistance < 0 || d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance is the optimal string alignment distance of a and b: Levenshtein's, with a swap of neighbours as one step.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitute := last[j-1]
			if a[i-1] != b[j-1] {
				substitute++
			}
			row[j] = min(substitute, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// names returns the names of all settings.
func names() []string {
	all := make([]string, len(settings))
	for i, s := range settings {
		all[i] = s.Name
	}
	return all
}

// lookup returns the setting with this name, or nil.
func lookup(name string) *Setting {
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &settings[i]
}
