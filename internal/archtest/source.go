package archtest

import (
	"bufio"
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// A Package is what the rules look at of one package. Packages of the module are named by their directory, relative to
// its root: internal/queue, and . for the root itself.
type Package struct {
	Name       string
	Imports    map[string]string // import -> the place (file:line) of the first import
	HasComment bool
	ClockUses  []string // places that read the machine's clock: "file:line: time.Now"
}

// clockFunctions are the functions of package time that read the machine's clock or wait for it.
var clockFunctions = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// ReadModule parses the packages of the module whose root is fsys, sorted by name. Test files are left out, and so are
// nested modules and directories that Go ignores.
func ReadModule(fsys fs.FS) ([]*Package, error) {
	module, err := moduleName(fsys)
	if err != nil {
		return nil, err
	}
	packages := make(map[string]*Package)
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if name != "." && ignored(fsys, name) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		pkg := packages[path.Dir(name)]
		if pkg == nil {
			pkg = &Package{Name: path.Dir(name), Imports: make(map[string]string)}
			packages[pkg.Name] = pkg
		}
		return pkg.addFile(fsys, name, module)
	})
	if err != nil {
		return nil, err
	}
	sorted := make([]*Package, 0, len(packages))
	for _, pkg := range packages {
		sorted = append(sorted, pkg)
	}
	slices.SortFunc(sorted, func(a, b *Package) int { return strings.Compare(a.Name, b.Name) })
	return sorted, nil
}

func moduleName(fsys fs.FS) (string, error) {
	content, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return "", err
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "module "); ok {
			return strings.TrimSpace(name), nil
		}
	}
	return "", fmt.Errorf("go.mod names no module")
}

// ignored reports whether a directory is none of the module's packages: hidden, test data, or a module of its own.
func ignored(fsys fs.FS, dir string) bool {
	base := path.Base(dir)
	if base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := fs.Stat(fsys, dir+"/go.mod")
	return err == nil
}

func (p *Package) addFile(fsys fs.FS, name, module string) error {
	content, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, content, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	place := func(at token.Pos) string {
		position := files.Position(at)
		return position.Filename + ":" + strconv.Itoa(position.Line)
	}
	p.HasComment = p.HasComment || file.Doc.Text() != ""
	timeName := ""
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if imported == "time" {
			timeName = "time"
			if spec.Name != nil {
				timeName = spec.Name.Name
			}
		}
		if imported == module {
			imported = "."
		}
		imported = strings.TrimPrefix(imported, module+"/")
		if p.Imports[imported] == "" {
			p.Imports[imported] = place(spec.Pos())
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok || timeName == "" {
			return true
		}
		from, ok := selector.X.(*ast.Ident)
		if ok && from.Name == timeName && slices.Contains(clockFunctions, selector.Sel.Name) {
			p.ClockUses = append(p.ClockUses, place(selector.Pos())+": time."+selector.Sel.Name)
		}
		return true
	})
	return nil
}
