package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	variablePrefix = "STAUNCH_"
	configVariable = "STAUNCH_CONFIG" // the path of the file; not a setting of its own

	// An access key of the root. They are not settings, because flags, files and listings are no places for a secret.
	rootKeyVariable    = "STAUNCH_ROOT_ACCESS_KEY_ID"
	rootSecretVariable = "STAUNCH_ROOT_SECRET_ACCESS_KEY"
)

// serviceLink matches the variables that Kubernetes, and Docker's old links, put into every container for a service
// that is called staunch or staunch-something. Nobody set those, so they are no mistake.
var serviceLink = regexp.MustCompile(
	`^STAUNCH_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=` +
		`|^STAUNCH_([A-Z0-9_]+_)?PORT=[a-z]+://`)

// readEnvironment returns the path in STAUNCH_CONFIG and the values of the other STAUNCH_ variables, in alphabetical
// order, and keeps the access key of the root. When a variable is there twice the last counts.
func (l *loader) readEnvironment(environ []string) (path string, values []given) {
	texts := make(map[string]string)
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, variablePrefix) && !serviceLink.MatchString(entry) {
			texts[name] = text
		}
	}
	for _, name := range sortedKeys(texts) {
		switch name {
		case configVariable:
			path = texts[name]
			continue
		case rootKeyVariable:
			l.config.RootKeyID = texts[name]
			continue
		case rootSecretVariable:
			l.config.RootSecret = texts[name]
			continue
		}
		origin := Origin{layer: environment, place: name}
		setting := lookupVariable(name)
		if setting == nil {
			l.problem(origin, "", fmt.Sprintf("there is no such setting; the nearest is %s", nearestVariable(name)))
			continue
		}
		values = append(values, given{setting: setting, text: texts[name], origin: origin})
	}
	return path, values
}

func lookupVariable(name string) *Setting {
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Variable() == name })
	if i < 0 {
		return nil
	}
	return &settings[i]
}

func nearestVariable(name string) string {
	var known []string
	for _, name := range []string{configVariable, rootKeyVariable, rootSecretVariable} {
		known = append(known, strings.TrimPrefix(name, variablePrefix))
	}
	for _, s := range settings {
		known = append(known, strings.TrimPrefix(s.Variable(), variablePrefix))
	}
	return variablePrefix + Nearest(strings.TrimPrefix(name, variablePrefix), known)
}
