package sqs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/staunchmq/staunch/internal/api"
)

// Types of attribute values; a label may follow after a full stop.
const (
	typeString = "String"
	typeNumber = "Number"
	typeBinary = "Binary"
)

// traceHeader is the one system attribute that can be sent.
const traceHeader = "AWSTraceHeader"

// baseType is the data type without its label.
func baseType(dataType string) string {
	base, _, _ := strings.Cut(dataType, ".")
	return base
}

// messageSize is the size of a message that limits count: body and message attributes (reference/sqs.md 6.2).
func messageSize(body string, attributes map[string]api.MessageAttributeValue) int {
	size := len(body)
	for name, v := range attributes {
		size += len(name) + len(text(v.DataType)) + len(text(v.StringValue)) + len(v.BinaryValue)
	}
	return size
}

// text is the string that s points to; empty for nil.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// checkMessageAttributes checks the attributes of a message and returns them in the order of their names. The order of checks is
// that of reference/sqs.md 6.3.
func checkMessageAttributes(given map[string]api.MessageAttributeValue) ([]messageAttribute, error) {
	switch {
	case len(given) == 0:
		return nil, nil
	case len(given) > messageAttributesMax:
		return nil, api.InvalidParameterValue.Newf("Number of message attributes [%d] exceeds the allowed maximum [%d].", len(given), messageAttributesMax)
	}
	attributes := make([]messageAttribute, 0, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if err := checkAttributeName(name); err != nil {
			return nil, err
		}
		a, err := checkAttributeValue("message (user) attribute", name, given[name])
		if err != nil {
			return nil, err
		}
		attributes = append(attributes, a)
	}
	return attributes, nil
}

// checkSystemAttributes checks the system attributes of a message. There can be one, AWSTraceHeader.
func checkSystemAttributes(given map[string]api.MessageAttributeValue) ([]messageAttribute, error) {
	if len(given) == 0 {
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if name != traceHeader {
			return nil, api.InvalidParameterValue.Newf("Message system attribute name '%s' is invalid.", name)
		}
	}
	a, err := checkAttributeValue("message system attribute", traceHeader, given[traceHeader])
	switch {
	case err != nil:
		return nil, err
	case baseType(a.DataType) != typeString:
		return nil, api.InvalidParameterValue.Newf("The type of message system attribute '%s' is invalid. You must use only the following supported type prefixes: String.", traceHeader)
	case len(a.Value) > traceHeaderMax:
		return nil, api.InvalidParameterValue.Newf("Message system attribute '%s' must be shorter than %d bytes.", traceHeader, traceHeaderMax)
	}
	return []messageAttribute{a}, nil
}

func checkAttributeName(name string) error {
	invalid := api.InvalidParameterValue.Newf
	lower := strings.ToLower(name)
	switch {
	case utf8.RuneCountInString(name) > attributeNameMax:
		return invalid("Message (user) attribute name must be shorter than 256 bytes.")
	case name == "":
		return invalid("The request must contain non-empty message (user) attribute names.")
	case strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon."):
		return invalid("You can't use message attribute names beginning with 'AWS.' or 'Amazon'. These strings are reserved for internal use.")
	case name[0] == '.':
		return invalid("Message (user) attribute name must not begin with character '.'.")
	case name[len(name)-1] == '.':
		return invalid("Message (user) attribute name must not end with character '.'.")
	}
	// AWS takes Latin letters with marks, and successive full stops, although its documentation says otherwise.
	for _, r := range name {
		if r < utf8.RuneSelf && (isNameByte(byte(r)) || r == '.') || r >= 'À' && r <= 'ſ' {
			continue
		}
		return invalid("Message (user) attribute name '%s' can only include alphanumeric characters, hyphens, underscores and periods.", name)
	}
	return nil
}

// checkAttributeValue checks one value. what names the kind of attribute in texts, in lower case.
func checkAttributeValue(what, name string, v api.MessageAttributeValue) (messageAttribute, error) {
	what = fmt.Sprintf("%s '%s'", what, name)
	atStart := "M" + what[1:]
	invalid := func(format string, args ...any) (messageAttribute, error) {
		return messageAttribute{}, api.InvalidParameterValue.Newf(format, args...)
	}
	dataType, stringValue := text(v.DataType), text(v.StringValue)
	base := baseType(dataType)
	switch {
	case v.StringListValues != nil || v.BinaryListValues != nil:
		return messageAttribute{}, api.UnsupportedOperation.Newf("Message attribute list values in SendMessage operation are not supported.")
	case dataType == "" && v.StringValue == nil && v.BinaryValue == nil:
		return invalid("The %s must contain a non-empty message attribute value.", what)
	case dataType == "":
		return invalid("The %s must contain a non-empty message attribute type.", what)
	case base != typeString && base != typeNumber && base != typeBinary || !isMessageText(dataType):
		return invalid("The type of %s is invalid. You must use only the following supported type prefixes: Binary, Number, String.", what)
	case stringValue == "" && len(v.BinaryValue) == 0:
		return invalid("%s must contain a non-empty value of type '%s'.", atStart, base)
	case v.StringValue != nil && v.BinaryValue != nil:
		return invalid("%s must have a single value.", atStart)
	case len(dataType) > attributeTypeMax:
		return invalid("Message (user) attribute type must be shorter than 256 bytes.")
	case base == typeBinary && v.BinaryValue == nil:
		return invalid("%s with type 'Binary' must use field 'Binary'.", atStart)
	case base == typeBinary:
		return messageAttribute{name, dataType, string(v.BinaryValue)}, nil
	case v.StringValue == nil:
		return invalid("%s with type '%s' must use field 'String'.", atStart, base)
	case !isMessageText(stringValue):
		return invalid("%s", api.InvalidMessageContents.Text)
	case base == typeNumber && !isNumber(stringValue):
		return invalid("Can't cast the value of %s to a number.", what)
	}
	return messageAttribute{name, dataType, stringValue}, nil
}

// Bounds of a number: significant digits, and the power of ten of the first of them.
const (
	numberDigitsMax   = 38
	numberExponentMin = -128
	numberExponentMax = 126
)

// isNumber tells whether s is a decimal number that a Number attribute can hold: an optional sign, digits with an optional
// decimal point, and an optional exponent.
func isNumber(s string) bool {
	s = withoutSign(s)
	mantissa, exponentText, hasExponent := cutExponent(s)
	exponent := 0
	if hasExponent {
		var ok bool
		if exponent, ok = smallInteger(exponentText); !ok {
			return false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := whole + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return false
	}
	significant := strings.TrimLeft(digits, "0")
	if significant == "" {
		return true // zero
	}
	// The power of ten of the first significant digit.
	power := exponent + len(whole) - 1 - (len(digits) - len(significant))
	return len(strings.TrimRight(significant, "0")) <= numberDigitsMax && power >= numberExponentMin && power <= numberExponentMax
}

func withoutSign(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}

func cutExponent(s string) (mantissa, exponent string, found bool) {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// smallInteger reads an exponent. More than six digits are out of every range.
func smallInteger(s string) (int, bool) {
	digits := withoutSign(s)
	if digits == "" || len(digits) > 6 || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	v := 0
	for i := range len(digits) {
		v = 10*v + int(digits[i]-'0')
	}
	if s[0] == '-' {
		v = -v
	}
	return v, true
}

// attributeFilter says which message attributes a receive returns (reference/sqs.md 6.6).
type attributeFilter struct {
	all      bool
	names    []string
	prefixes []string
}

func newAttributeFilter(names []string) attributeFilter {
	var f attributeFilter
	for _, name := range names {
		prefix, isPrefix := strings.CutSuffix(name, ".*")
		switch {
		case name == "All" || name == "*" || name == ".*":
			f.all = true
		case isPrefix:
			f.prefixes = append(f.prefixes, prefix)
		default:
			f.names = append(f.names, name)
		}
	}
	return f
}

// take returns those of the attributes that the filter lets through, in the same order. It may return the slice itself.
func (f *attributeFilter) take(attributes []messageAttribute) []messageAttribute {
	if f.all {
		return attributes
	}
	if len(f.names) == 0 && len(f.prefixes) == 0 {
		return nil
	}
	var taken []messageAttribute
	for _, a := range attributes {
		startsWith := func(prefix string) bool { return strings.HasPrefix(a.Name, prefix) }
		if slices.Contains(f.names, a.Name) || slices.ContainsFunc(f.prefixes, startsWith) {
			taken = append(taken, a)
		}
	}
	return taken
}

// attributeValues is the attributes as the API returns them; nil without any.
func attributeValues(attributes []messageAttribute) map[string]api.MessageAttributeValue {
	if len(attributes) == 0 {
		return nil
	}
	values := make(map[string]api.MessageAttributeValue, len(attributes))
	for _, a := range attributes {
		v := api.MessageAttributeValue{DataType: &a.DataType}
		if a.isBinary() {
			v.BinaryValue = []byte(a.Value)
		} else {
			v.StringValue = &a.Value
		}
		values[a.Name] = v
	}
	return values
}
