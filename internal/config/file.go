package config

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readFile returns the values of a YAML file in their order. from is where the path came from.
func (l *loader) readFile(path string, from Origin) []given {
	content, err := os.ReadFile(path)
	if err != nil {
		l.problem(from, "", fmt.Sprintf("the settings file cannot be read: %v", err))
		return nil
	}
	return l.parseFile(path, string(content))
}

// parseFile returns the values in the text of a YAML file: one mapping of names to plain values. The file is read as
// nodes, not into a struct, because nodes know their lines and keep a value as it was written: 000000000000 is an account,
// not the number zero.
func (l *loader) parseFile(path, content string) []given {
	at := func(line int) Origin { return Origin{layer: file, place: path, line: line} }

	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(content))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return nil // nothing but comments
	} else if err != nil {
		l.problem(at(0), "", fmt.Sprintf("this is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: ")))
		return nil
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		l.problem(at(0), "", "there must be one YAML document, without a second after ---")
		return nil
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil
	}
	if root.Kind != yaml.MappingNode {
		l.problem(at(root.Line), "", "there must be lines of the form `name: value`")
		return nil
	}

	var values []given
	lines := make(map[string]int)
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		setting := lookup(key.Value)
		switch {
		case setting == nil:
			text := fmt.Sprintf("there is no setting %q; the nearest is %q", key.Value, Nearest(key.Value, names()))
			l.problem(at(key.Line), "", text)
		case lines[key.Value] > 0:
			l.problem(at(key.Line), key.Value, fmt.Sprintf("it was already set in line %d", lines[key.Value]))
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			l.problem(at(key.Line), key.Value, fmt.Sprintf("it needs one plain value, %s", setting.Range))
		default:
			values = append(values, given{setting: setting, text: value.Value, origin: at(value.Line)})
		}
		lines[key.Value] = key.Line
	}
	return values
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
