package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// sources returns the Go files and the module directories of the checkout, relative to it. Hidden directories and what
// package managers install are left out.
func sources() (files, modules []string, err error) {
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			if path != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules") {
				return fs.SkipDir
			}
		case strings.HasSuffix(path, ".go"):
			files = append(files, path)
		case entry.Name() == "go.mod":
			modules = append(modules, filepath.Dir(path))
		}
		return nil
	})
	return files, modules, err
}

// format checks that gofmt would change no file.
func format(ctx context.Context) (r result) {
	files, _, err := sources()
	if err != nil {
		r.fail("format: " + err.Error())
		return r
	}
	if len(files) == 0 {
		return r
	}
	out, err := command(ctx, append([]string{"gofmt", "-l"}, files...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		fmt.Printf("FAIL  gofmt; `make fmt` formats these:\n%s", out)
		r.fail("gofmt")
		return r
	}
	fmt.Printf("ok    gofmt, %d files\n", len(files))
	r.passed++
	return r
}

// vet runs go vet in every module.
func vet(ctx context.Context) (r result) {
	_, modules, err := sources()
	if err != nil {
		r.fail("vet: " + err.Error())
		return r
	}
	for _, dir := range modules {
		name := "go vet"
		if dir != "." {
			name += " " + filepath.ToSlash(dir)
		}
		r.add(check{name, []string{"go", "vet", "./..."}}.run(ctx, dir))
	}
	return r
}
