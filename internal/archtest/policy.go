// Package archtest checks the rules by which the packages of Staunch hang together: which may import which, that each
// has a package comment, and that nothing but package clock reads the machine's clock.
//
// The rules are the text file deps.txt beside this file; its head explains the form. They are about the program: test
// files, generated data and nested modules are not looked at. A change of the architecture begins with a change of
// deps.txt.
package archtest

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Policy is the content of deps.txt.
type Policy struct {
	may   map[string][]string // package -> what it may import besides the standard library
	never []ban
	time  []string // packages that may read the machine's clock
}

// A ban says what some packages must not see, directly or through other packages of the module.
type ban struct {
	packages []string
	imports  []string
}

// ParsePolicy reads a policy.
func ParsePolicy(r io.Reader) (*Policy, error) {
	p := &Policy{may: make(map[string][]string)}
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		left, right, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("line %d: there is no colon", number)
		}
		words, imports := strings.Fields(left), strings.Fields(right)
		switch {
		case len(words) == 0:
			return nil, fmt.Errorf("line %d: nothing stands before the colon", number)
		case words[0] == "never" && len(words) > 1:
			p.never = append(p.never, ban{words[1:], imports})
		case words[0] == "time" && len(words) == 1:
			p.time = append(p.time, imports...)
		case len(words) == 1:
			if _, twice := p.may[words[0]]; twice {
				return nil, fmt.Errorf("line %d: %s is there twice", number, words[0])
			}
			p.may[words[0]] = imports
		default:
			return nil, fmt.Errorf("line %d: %q is neither a package, never, nor time", number, left)
		}
	}
	return p, lines.Err()
}

// Modules returns the modules outside this one that some package may import, sorted.
func (p *Policy) Modules() []string {
	var modules []string
	for _, imports := range p.may {
		for _, name := range imports {
			if isExternal(name) {
				modules = append(modules, name)
			}
		}
	}
	slices.Sort(modules)
	return slices.Compact(modules)
}

// isExternal reports whether an import path leads outside the module and the standard library: its first part is a
// host name.
func isExternal(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return strings.Contains(first, ".") && first != "."
}

// matches reports whether an import is one that pattern names. A pattern names itself and, when it ends in /... or is
// a module, what lies below it.
func matches(pattern, name string) bool {
	below, tree := strings.CutSuffix(pattern, "/...")
	return name == below || (tree || isExternal(pattern)) && strings.HasPrefix(name, below+"/")
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, name) })
}
