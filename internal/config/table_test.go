package config

import (
	"reflect"
	"testing"
)

func TestEveryFieldIsOneRow(t *testing.T) {
	var c Config
	rows := make(map[any]string)
	for _, s := range settings {
		field := s.field(&c)
		if other, ok := rows[field]; ok {
			t.Errorf("%s and %s set the same field", other, s.Name)
		}
		rows[field] = s.Name
	}
	rows[&c.RootKeyID], rows[&c.RootSecret] = rootKeyVariable, rootSecretVariable // secrets are no settings
	value := reflect.ValueOf(&c).Elem()
	for i := range value.NumField() {
		if _, ok := rows[value.Field(i).Addr().Interface()]; !ok {
			t.Errorf("no setting sets Config.%s", value.Type().Field(i).Name)
		}
	}
}

func TestRowsAreComplete(t *testing.T) {
	seen := make(map[string]bool)
	for _, s := range settings {
		if seen[s.Name] {
			t.Errorf("%s is there twice", s.Name)
		}
		seen[s.Name] = true
		if s.Help == "" || s.Range == "" || s.Kind == "" {
			t.Errorf("%s lacks help, range or kind", s.Name)
		}
	}
}

// FuzzFile feeds the reader of settings files with damaged ones. Whatever comes must end in settings or in problems.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{"", "listen: 127.0.0.1:1", "a: &x 1\nshards: *x", "? [a]\n: b", "shards: !!int 5", "---\n---"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		var l loader
		for _, v := range l.parseFile("f.yaml", content) {
			if v.setting == nil || v.origin.line < 1 {
				t.Errorf("a value without its setting or line: %+v", v)
			}
		}
	})
}
