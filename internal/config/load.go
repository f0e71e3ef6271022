package config

import "slices"

// Sources is where Load looks for settings besides the defaults.
type Sources struct {
	// File is the path of a YAML file. When it is empty, the variable STAUNCH_CONFIG may name one.
	File string

	// Environ is the environment, in the form of os.Environ. Variables without the prefix STAUNCH_ are ignored.
	Environ []string

	// Flags holds the values of the flags that were given, by the name of the setting.
	Flags map[string]string

	// Client is set for commands that listen nowhere: they may be given the settings of a server whose flags they do not have.
	Client bool
}

// Origins says for every setting where its value came from.
type Origins map[string]Origin

// given is one value that somebody gave, before it is known to be good.
type given struct {
	setting *Setting
	text    string
	origin  Origin
}

// Load returns the settings that follow from sources, checked, and where each came from. When anything is wrong the
// error is an *Error with all problems.
func Load(sources Sources) (*Config, Origins, error) {
	l := loader{origins: make(Origins, len(settings)), client: sources.Client}
	for i := range settings {
		l.set(given{setting: &settings[i], text: settings[i].Default})
	}
	path, values := l.readEnvironment(sources.Environ)
	fromFile := Origin{layer: environment, place: configVariable}
	if sources.File != "" {
		path, fromFile = sources.File, Origin{layer: flags, place: "config"}
	}
	if path != "" {
		l.setAll(l.readFile(path, fromFile))
	}
	l.setAll(values)
	l.setAll(l.readFlags(sources.Flags))
	if len(l.problems) == 0 {
		l.check()
	}
	if len(l.problems) > 0 {
		slices.SortStableFunc(l.problems, func(a, b Problem) int { return int(a.Origin.layer) - int(b.Origin.layer) })
		return nil, nil, &Error{Problems: l.problems}
	}
	return &l.config, l.origins, nil
}

// loader collects the settings layer by layer.
type loader struct {
	config   Config
	origins  Origins
	problems []Problem
	client   bool
}

func (l *loader) setAll(values []given) {
	for _, v := range values {
		l.set(v)
	}
}

// set takes a value over, or notes why not.
func (l *loader) set(v given) {
	if err := v.setting.parse(&l.config, v.text); err != nil {
		l.problem(v.origin, v.setting.Name, err.Error())
		return
	}
	l.origins[v.setting.Name] = v.origin
}

func (l *loader) problem(origin Origin, setting, text string) {
	l.problems = append(l.problems, Problem{Origin: origin, Setting: setting, Text: text})
}

// readFlags returns the values of flags in the order of the table.
func (l *loader) readFlags(texts map[string]string) []given {
	var values []given
	for i := range settings {
		if text, ok := texts[settings[i].Name]; ok {
			origin := Origin{layer: flags, place: settings[i].Name}
			values = append(values, given{setting: &settings[i], text: text, origin: origin})
		}
	}
	return values
}
