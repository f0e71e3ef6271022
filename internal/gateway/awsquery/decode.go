package awsquery

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/staunchmq/staunch/internal/api"
)

// Decode reads the parameters of a request into a new input of the action. Every error is an *api.Error.
func Decode(a *api.Action, p Params) (in any, err error) {
	in = a.NewInput()
	if err := (decoder{a}).structure(a.Input, p, in); err != nil {
		return nil, err
	}
	return in, nil
}

// decoder reads the parameters of one action. Its methods return *api.Errors.
type decoder struct{ action *api.Action }

// structure reads the parameters, whose names are relative to the struct that at points to, into it.
func (d decoder) structure(s *api.Shape, p Params, at any) error {
	for i := range s.Members {
		m := &s.Members[i]
		if err := d.member(m, p, m.At(at)); err != nil {
			return err
		}
	}
	return nil
}

// member reads one member, if the parameters have it, into the field that at points to.
func (d decoder) member(m *api.Member, p Params, at any) error {
	switch at := at.(type) {
	case *[]string:
		return items(at, m, p, d.text)
	case *[][]byte:
		return items(at, m, p, d.blob)
	case *map[string]string:
		return d.textMap(at, m, p)
	case *map[string]api.MessageAttributeValue:
		return d.attributeMap(at, m, p)
	case api.List:
		return d.structures(at, m, p)
	}
	value, ok := p.find(m.Name)
	if !ok {
		return nil
	}
	var err error
	switch at := at.(type) {
	case *string:
		*at, err = d.text(m, value)
	case **string:
		*at, err = optional(d.text(m, value))
	case **int64:
		*at, err = optional(integer(m, value))
	case *[]byte:
		*at, err = d.blob(m, value)
	default:
		panic("awsquery: no input has a member like " + m.Name)
	}
	return err
}

// optional turns a value into a pointer to it.
func optional[T any](v T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return &v, nil
}

// text reads a string.
func (d decoder) text(_ *api.Member, value string) (string, error) {
	if !utf8.ValidString(value) {
		return "", d.action.NotUnicode()
	}
	return value, nil
}

// blob reads base64. The result is never nil.
func (d decoder) blob(m *api.Member, value string) ([]byte, error) {
	data, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, api.MalformedInput.Newf("The value of %s is not valid base64.", m.Name)
	}
	return data, nil
}

// integer reads a decimal number.
func integer(m *api.Member, value string) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, api.InvalidValue(clean(value), m.Name, "Must be an integer.")
	}
	return n, nil
}

// clean makes a value from a request fit to be quoted in an error.
func clean(value string) string {
	const enough = 100
	if len(value) > enough {
		value = value[:enough] + "…"
	}
	return strings.ToValidUTF8(value, "\uFFFD")
}

// item is what the parameters say about one item of a list or map.
type item struct {
	index  int    // noIndex for an item without one
	params Params // relative to the item; the name is "" where it is the item itself
}

const noIndex = -1

// split collects the items of a list or map in the order of their indexes. present is true if
// the parameters have the member at all, even if it has no items.
func split(m *api.Member, p Params) (list []item, present bool, err error) {
	type indexed struct {
		index int
		param
	}
	var all []indexed
	for i := range p {
		rest, ok := cut(p[i].name, m.Query)
		if !ok {
			if rest, ok = cut(p[i].name, m.Plural); !ok {
				continue
			}
		}
		present = true
		index, rest := cutIndex(rest)
		if index == noIndex && rest == "" && p[i].value == "" {
			continue // an empty list
		}
		all = append(all, indexed{index, param{rest, p[i].value}})
	}
	slices.SortStableFunc(all, func(a, b indexed) int { return cmp.Compare(a.index, b.index) })
	for i, one := range all {
		if i == 0 || one.index != all[i-1].index {
			list = append(list, item{index: one.index})
		}
		last := &list[len(list)-1]
		last.params = append(last.params, one.param)
	}
	if len(list) > api.MaxItems {
		return nil, true, m.TooManyItems(len(list))
	}
	return list, present, nil
}

// cut removes a member's name from the front of a parameter's.
func cut(name, member string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, member)
	if !ok || rest == "" {
		return "", ok
	}
	return strings.CutPrefix(rest, ".")
}

// cutIndex takes the index from the front of what cut left.
func cutIndex(rest string) (index int, after string) {
	number, after, _ := strings.Cut(rest, ".")
	if len(number) == 0 || len(number) > 9 || strings.Trim(number, "0123456789") != "" {
		return noIndex, rest
	}
	index, _ = strconv.Atoi(number)
	return index, after
}

// name returns the full name of something inside the item, for errors.
func (i item) name(m *api.Member, inside string) string {
	if i.index == noIndex {
		return m.Query + "." + inside
	}
	return m.Query + "." + strconv.Itoa(i.index) + "." + inside
}

// items reads a list of strings or blobs.
func items[T any](at *[]T, m *api.Member, p Params, read func(*api.Member, string) (T, error)) error {
	list, present, err := split(m, p)
	if err != nil || !present {
		return err
	}
	*at = make([]T, 0, len(list))
	for _, item := range list {
		value, ok := item.params.find("")
		if !ok {
			continue
		}
		v, err := read(m, value)
		if err != nil {
			return err
		}
		*at = append(*at, v)
	}
	return nil
}

// structures reads a list of structs.
func (d decoder) structures(at api.List, m *api.Member, p Params) error {
	list, present, err := split(m, p)
	if err != nil {
		return err
	}
	if present || m.BatchEntries {
		at.Empty()
	}
	for _, item := range list {
		if err := d.structure(m.Items, item.params, at.Append()); err != nil {
			return err
		}
	}
	return nil
}

// textMap reads a map of strings. An item needs both its name and its value: a queue attribute
// whose value was forgotten must not be taken for one that is to be removed.
func (d decoder) textMap(at *map[string]string, m *api.Member, p Params) error {
	list, present, err := split(m, p)
	if err != nil || !present {
		return err
	}
	*at = make(map[string]string, len(list))
	for _, item := range list {
		name, hasName := item.params.find(m.Key)
		value, hasValue := item.params.find(m.Value)
		switch {
		case !hasName && !hasValue:
			continue
		case !hasName:
			return api.Missing(item.name(m, m.Key))
		case !hasValue:
			return api.Missing(item.name(m, m.Value))
		}
		if _, ok := (*at)[name]; ok {
			return item.repeated(m, name)
		}
		if !utf8.ValidString(name) {
			return d.action.NotUnicode()
		}
		if (*at)[name], err = d.text(m, value); err != nil {
			return err
		}
	}
	return nil
}

// attributeMap reads message attributes. Those without a name or value are the service's to refuse.
func (d decoder) attributeMap(at *map[string]api.MessageAttributeValue, m *api.Member, p Params) error {
	list, present, err := split(m, p)
	if err != nil || !present {
		return err
	}
	*at = make(map[string]api.MessageAttributeValue, len(list))
	for _, item := range list {
		name := item.params.Get(m.Key)
		if _, ok := (*at)[name]; ok {
			return item.repeated(m, name)
		}
		if !utf8.ValidString(name) {
			return d.action.NotUnicode()
		}
		var inside Params
		for _, one := range item.params {
			if rest, ok := strings.CutPrefix(one.name, m.Value+"."); ok {
				inside = append(inside, param{rest, one.value})
			}
		}
		var value api.MessageAttributeValue
		if err := d.structure(m.Items, inside, &value); err != nil {
			return err
		}
		(*at)[name] = value
	}
	return nil
}

// repeated returns the error for an item whose name another item has too.
func (i item) repeated(m *api.Member, name string) error {
	return api.InvalidValue(clean(name), i.name(m, m.Key), "The name was given twice.")
}
