package archtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Check returns a sentence for everything in packages that the policy does not allow.
func (p *Policy) Check(packages []*Package) []string {
	byName := make(map[string]*Package, len(packages))
	for _, pkg := range packages {
		byName[pkg.Name] = pkg
	}
	var wrong []string
	for _, pkg := range packages {
		wrong = append(wrong, p.checkImports(pkg, byName)...)
		if !pkg.HasComment {
			wrong = append(wrong, fmt.Sprintf("%s has no package comment: say what it is for and what it does not know", pkg.Name))
		}
		if !matchesAny(p.time, pkg.Name) {
			for _, use := range pkg.ClockUses {
				wrong = append(wrong, use+" reads the machine's clock: take the time as an argument or from a clock.Clock")
			}
		}
	}
	for _, b := range p.never {
		for _, name := range b.packages {
			if path, place := find(b.imports, name, byName); path != nil {
				wrong = append(wrong, fmt.Sprintf("%s: %s must not see %s, but does: %s",
					place, name, path[len(path)-1], strings.Join(path, " -> ")))
			}
		}
	}
	return wrong
}

// checkImports compares the imports of one package with its line, and the line with the imports.
func (p *Policy) checkImports(pkg *Package, byName map[string]*Package) []string {
	may, listed := p.may[pkg.Name]
	if !listed {
		return []string{fmt.Sprintf("%s is not in internal/archtest/deps.txt: add a line that says what it may import", pkg.Name)}
	}
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(pkg.Imports)) {
		if (byName[name] == nil && !isExternal(name)) || matchesAny(may, name) {
			continue
		}
		wrong = append(wrong, fmt.Sprintf(
			"%s: %s may not import %s. Turn the dependency round, or if the architecture should change, change the line of %[2]s in internal/archtest/deps.txt",
			pkg.Imports[name], pkg.Name, name))
	}
	for _, pattern := range may {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(pkg.Imports)), func(name string) bool { return matches(pattern, name) }) {
			wrong = append(wrong, fmt.Sprintf("%s may import %s and does not: take that out of internal/archtest/deps.txt", pkg.Name, pattern))
		}
	}
	return wrong
}

// find returns the shortest path by which the package start sees one of the imports, and the place where the last step
// is made; nil when it does not. Only packages of the module are followed.
func find(imports []string, start string, byName map[string]*Package) (path []string, place string) {
	from := map[string]string{start: ""}
	for queue := []string{start}; len(queue) > 0; queue = queue[1:] {
		pkg := byName[queue[0]]
		if pkg == nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(pkg.Imports)) {
			if _, seen := from[name]; seen {
				continue
			}
			from[name] = pkg.Name
			if matchesAny(imports, name) {
				for step := name; step != ""; step = from[step] {
					path = append(path, step)
				}
				slices.Reverse(path)
				return path, pkg.Imports[name]
			}
			queue = append(queue, name)
		}
	}
	return nil, ""
}
