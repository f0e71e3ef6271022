package iam

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// operator is one row of the table of condition operators.
type operator struct {
	test test
	// negated operators are true where test says no for all values of the policy.
	negated bool
	// compile reads a value of the policy.
	compile func(s string, sy syntax) (operand, error)
	// order tells whether a number or date of the request is where it should be: c is less than, equal to or more than 0 as that
	// is less than, equal to or more than the policy's.
	order func(c int) bool
}

// test says how values are compared. It is no function, so that a call of it does not move its arguments to the heap.
type test uint8

const (
	testNull test = iota
	testText
	testFolded
	testARN
	testNumber
	testDate
	testBool
	testBinary
	testAddress
)

// operand is a value in a policy, as its operator needs it.
type operand struct {
	pattern pattern
	number  float64
	seconds int64
	truth   bool
	bytes   []byte
	prefix  netip.Prefix
}

// outcome is how a test went.
type outcome uint8

const (
	no outcome = iota
	yes
	// unresolved: a variable has no value in this request, so the statement does not apply, negated or not.
	unresolved
)

func outcomeOf(b bool) outcome {
	if b {
		return yes
	}
	return no
}

// operators is the table of condition operators, without IfExists and without the prefixes for sets.
var operators = map[string]*operator{
	"StringEquals":              {test: testText, compile: compileExact},
	"StringNotEquals":           {test: testText, compile: compileExact, negated: true},
	"StringEqualsIgnoreCase":    {test: testFolded, compile: compileExact},
	"StringNotEqualsIgnoreCase": {test: testFolded, compile: compileExact, negated: true},
	"StringLike":                {test: testText, compile: compileLike},
	"StringNotLike":             {test: testText, compile: compileLike, negated: true},

	"NumericEquals":            {test: testNumber, compile: compileNumber, order: equal},
	"NumericNotEquals":         {test: testNumber, compile: compileNumber, order: equal, negated: true},
	"NumericLessThan":          {test: testNumber, compile: compileNumber, order: less},
	"NumericLessThanEquals":    {test: testNumber, compile: compileNumber, order: notMore},
	"NumericGreaterThan":       {test: testNumber, compile: compileNumber, order: more},
	"NumericGreaterThanEquals": {test: testNumber, compile: compileNumber, order: notLess},

	"DateEquals":            {test: testDate, compile: compileDate, order: equal},
	"DateNotEquals":         {test: testDate, compile: compileDate, order: equal, negated: true},
	"DateLessThan":          {test: testDate, compile: compileDate, order: less},
	"DateLessThanEquals":    {test: testDate, compile: compileDate, order: notMore},
	"DateGreaterThan":       {test: testDate, compile: compileDate, order: more},
	"DateGreaterThanEquals": {test: testDate, compile: compileDate, order: notLess},

	"Bool":         {test: testBool, compile: compileBool},
	"BinaryEquals": {test: testBinary, compile: compileBinary},
	"IpAddress":    {test: testAddress, compile: compilePrefix},
	"NotIpAddress": {test: testAddress, compile: compilePrefix, negated: true},

	// AWS: ArnEquals and ArnLike are the same.
	"ArnEquals":    {test: testARN, compile: compileARN},
	"ArnLike":      {test: testARN, compile: compileARN},
	"ArnNotEquals": {test: testARN, compile: compileARN, negated: true},
	"ArnNotLike":   {test: testARN, compile: compileARN, negated: true},

	"Null": {test: testNull, compile: compileBool},
}

func equal(c int) bool   { return c == 0 }
func less(c int) bool    { return c < 0 }
func more(c int) bool    { return c > 0 }
func notLess(c int) bool { return c >= 0 }
func notMore(c int) bool { return c <= 0 }

func compileExact(s string, sy syntax) (o operand, err error) {
	o.pattern, err = compilePattern(s, syntax{variables: sy.variables})
	return o, err
}

func compileLike(s string, sy syntax) (o operand, err error) {
	o.pattern, err = compilePattern(s, syntax{wildcards: true, variables: sy.variables})
	return o, err
}

func compileARN(s string, sy syntax) (o operand, err error) {
	if o, err = compileLike(s, sy); err != nil {
		return o, err
	}
	if o.pattern.parts == nil && s != "*" && (strings.Count(s, ":") < 5 || !strings.HasPrefix(s, "arn:")) {
		return o, fmt.Errorf("%q is not an ARN: want arn and five more parts, each with a colon before it; every part may have wildcards", s)
	}
	return o, nil
}

func compileBool(s string, _ syntax) (o operand, err error) {
	switch {
	case strings.EqualFold(s, "true"):
		o.truth = true
	case !strings.EqualFold(s, "false"):
		err = fmt.Errorf("%q is neither true nor false", s)
	}
	return o, err
}

func compileBinary(s string, _ syntax) (o operand, err error) {
	if o.bytes, err = base64.StdEncoding.DecodeString(s); err != nil {
		err = fmt.Errorf("%q is not base64", s)
	}
	return o, err
}

func compilePrefix(s string, _ syntax) (o operand, err error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		o.prefix = netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
		return o, nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return o, fmt.Errorf("%q is neither an IP address nor a range in CIDR notation", s)
	}
	if p.Addr().Is4In6() {
		return o, fmt.Errorf("%q: write the range of IPv4 addresses as IPv4", s)
	}
	o.prefix = p.Masked()
	return o, nil
}

// parseNumber reads a decimal number.
func parseNumber(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	plain := !strings.ContainsAny(s, "xXpP_") && !math.IsInf(n, 0) && !math.IsNaN(n)
	return n, err == nil && plain
}

func compileNumber(s string, _ syntax) (o operand, err error) {
	var ok bool
	if o.number, ok = parseNumber(s); !ok {
		err = fmt.Errorf("%q is not a number", s)
	}
	return o, err
}

func compileDate(s string, _ syntax) (o operand, err error) {
	var ok bool
	if o.seconds, ok = parseDate(s); !ok {
		err = fmt.Errorf("%q is not a date such as 2026-01-31T12:00:00Z, nor seconds since 1970", s)
	}
	return o, err
}

// compare compares a value of the request with one of the policy.
func (p *operator) compare(q *Request, o *operand, v *value) outcome {
	switch p.test {
	case testText, testFolded, testARN:
		text, ok := o.pattern.resolve(q)
		switch {
		case !ok:
			return unresolved
		case p.test == testFolded:
			return outcomeOf(strings.EqualFold(text, v.asText()))
		case p.test == testARN:
			return outcomeOf(matchARN(text, v.asText()))
		default:
			return outcomeOf(matchText(text, v.asText()))
		}
	case testNumber:
		n, ok := v.asNumber()
		return outcomeOf(ok && p.order(cmp.Compare(n, o.number)))
	case testDate:
		n, ok := v.asSeconds()
		return outcomeOf(ok && p.order(cmp.Compare(n, o.seconds)))
	case testBool:
		given, err := compileBool(v.asText(), syntax{})
		return outcomeOf(err == nil && given.truth == o.truth)
	case testBinary:
		given, err := base64.StdEncoding.DecodeString(v.asText())
		return outcomeOf(err == nil && bytes.Equal(given, o.bytes))
	case testAddress:
		a, ok := v.asAddress()
		return outcomeOf(ok && o.prefix.Contains(a))
	}
	return no
}

// quantifier says how a condition goes over the values of a key that has several.
type quantifier uint8

const (
	single quantifier = iota
	forAllValues
	forAnyValue
)

// condition is one operator with one key and its values.
type condition struct {
	name       string // as written, such as ForAnyValue:StringLikeIfExists
	keyName    string // as written
	operator   *operator
	quantifier quantifier
	ifExists   bool
	key        key
	operands   []operand
}

// compileOperator reads the name of an operator with its prefix and suffix.
func compileOperator(name string) (c condition, err error) {
	c.name = name
	plain := name
	if rest, ok := strings.CutPrefix(plain, "ForAllValues:"); ok {
		c.quantifier, plain = forAllValues, rest
	} else if rest, ok := strings.CutPrefix(plain, "ForAnyValue:"); ok {
		c.quantifier, plain = forAnyValue, rest
	}
	if rest, ok := strings.CutSuffix(plain, "IfExists"); ok {
		c.ifExists, plain = true, rest
	}
	c.operator = operators[plain]
	switch {
	case c.operator == nil:
		return c, fmt.Errorf("%q is not a condition operator", name)
	case c.operator.test == testNull && plain != name:
		return c, fmt.Errorf("%q: Null stands alone", name)
	}
	return c, nil
}

// holds tells whether the condition is met by a request.
func (c *condition) holds(q *Request) bool {
	var room [2]value
	values := q.values(&c.key, room[:0])
	switch {
	case c.operator.test == testNull:
		isNull := func(o operand) bool { return o.truth == (len(values) == 0) }
		return slices.ContainsFunc(c.operands, isNull)
	case len(values) == 0:
		return c.ifExists || c.quantifier == forAllValues || c.operator.negated && c.quantifier == single
	}
	met, all := false, true
	for i := range values {
		switch c.meets(q, &values[i]) {
		case yes:
			met = true
		case no:
			all = false
		case unresolved:
			return false
		}
	}
	switch {
	case c.quantifier == forAllValues, c.operator.negated && c.quantifier == single:
		return all
	default:
		return met
	}
}

// meets tells whether one value of the request passes: one of the policy's values fits, or with a negated operator none does.
func (c *condition) meets(q *Request, v *value) outcome {
	result := no
	for i := range c.operands {
		switch c.operator.compare(q, &c.operands[i], v) {
		case yes:
			return outcomeOf(!c.operator.negated)
		case unresolved:
			result = unresolved
		}
	}
	if result == unresolved && c.operator.negated {
		return unresolved
	}
	return outcomeOf(c.operator.negated)
}
