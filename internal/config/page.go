package config

import (
	"fmt"
	"strings"
)

const pageHead = `# Settings

<!-- Made from internal/config/settings.go by "make docs". Do not edit. -->

A setting has the value that it is given by the first of these:

1. as a flag of ` + "`staunch serve`: `--admin-listen 127.0.0.1:9325`" + `
2. as an environment variable: ` + "`STAUNCH_ADMIN_LISTEN=127.0.0.1:9325`" + `
3. in a YAML file that is named by ` + "`--config` or `STAUNCH_CONFIG`: `admin-listen: 127.0.0.1:9325`" + `
4. the default

` + "`staunch config print`" + ` shows the values that are in effect and where each came from, ` + "`staunch config validate FILE`" + `
checks a file. A name that does not exist and a value out of range are errors, never ignored.

Durations are written with their units (` + "`90s`, `1m30s`, `500ms`" + `), sizes as ` + "`64MiB` or `500kB`" + `, counts also as ` + "`10k`" + `.

`

// Page returns docs/configuration.md: every setting with its variable, default, range and help.
func Page() string {
	var b strings.Builder
	b.WriteString(pageHead)
	b.WriteString("| setting | default | range |\n|---|---|---|\n")
	for _, s := range settings {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s | %s |\n", s.Name, s.Name, code(s.Default), s.Range)
	}
	for i := range settings {
		s := &settings[i]
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", s.Name, s.Help)
		fmt.Fprintf(&b, "- Flag: `--%s`. Variable: `%s`.\n", s.Name, s.Variable())
		fmt.Fprintf(&b, "- Default: %s. Range: %s.\n", code(s.Default), s.Range)
	}
	return b.String()
}

func code(text string) string {
	if text == "" {
		return "empty"
	}
	return "`" + text + "`"
}
