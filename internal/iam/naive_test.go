package iam

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// naive decides as slowly and as plainly as can be: on the JSON of documents, with regular expressions, by AWS's description.
type naive struct {
	principal string // ARN; empty for anonymous
	account   string
	action    string
	resource  string
	ownerOnly bool
	keys      map[string][]string
}

type document = map[string]any

func list(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, each := range v {
			all = append(all, each.(string))
		}
		return all
	}
	return nil
}

func (n *naive) any(patterns any, text string) bool {
	return slices.ContainsFunc(list(patterns), func(p string) bool { return naiveMatch(n.substitute(p), text) })
}

func (n *naive) substitute(p string) string {
	return strings.ReplaceAll(p, "${aws:username}", n.userName())
}

func (n *naive) userName() string {
	_, name, ok := strings.Cut(n.principal, ":user/")
	if !ok {
		return "\x00none"
	}
	return name
}

// names tells how a Principal element covers the caller: not, by account, or itself.
func (n *naive) names(element any) string {
	if element == "*" {
		return "self"
	}
	how := ""
	for _, name := range list(element.(document)["AWS"]) {
		switch {
		case name == "*", n.principal != "" && name == n.principal:
			return "self"
		case strings.HasPrefix(n.principal, "arn:aws:sts::"+n.account+":assumed-role/") &&
			strings.Split(n.principal, "/")[1] == strings.TrimPrefix(name, "arn:aws:iam::"+n.account+":role/"):
			return "self"
		case n.principal != "" && (name == n.account || name == "arn:aws:iam::"+n.account+":root"):
			if strings.HasSuffix(n.principal, ":root") {
				return "self"
			}
			how = "account"
		}
	}
	return how
}

func (n *naive) condition(c any) bool {
	conditions, _ := c.(document)
	for operator, keys := range conditions {
		for name, wanted := range keys.(document) {
			if !n.holds(operator, n.keys[strings.ToLower(name)], list(wanted)) {
				return false
			}
		}
	}
	return true
}

func (n *naive) holds(operator string, values, wanted []string) bool {
	if operator == "Null" {
		return slices.Contains(wanted, fmt.Sprint(len(values) == 0))
	}
	plain, ifExists := strings.CutSuffix(operator, "IfExists")
	quantifier, plain, quantified := strings.Cut(plain, ":")
	if !quantified {
		quantifier, plain = "", quantifier
	}
	negated := strings.Contains(plain, "Not")
	fits := func(value string) bool {
		for _, w := range wanted {
			equal := value == w
			if strings.Contains(plain, "Like") {
				equal = naiveMatch(w, value)
			}
			if equal {
				return !negated
			}
		}
		return negated
	}
	if len(values) == 0 {
		return ifExists || quantifier == "ForAllValues" || quantifier == "" && negated
	}
	passing := 0
	for _, v := range values {
		if fits(v) {
			passing++
		}
	}
	if quantifier == "ForAllValues" || quantifier == "" && negated {
		return passing == len(values)
	}
	return passing > 0
}

// effects returns what the statements of a document say: deny, allow by account, allow.
func (n *naive) effects(text string) map[string]bool {
	found := make(map[string]bool)
	if text == "" {
		return found
	}
	var p document
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		panic(err)
	}
	for _, each := range p["Statement"].([]any) {
		s := each.(document)
		action := n.any(lower(s["Action"]), n.action) || s["NotAction"] != nil && !n.any(lower(s["NotAction"]), n.action)
		withoutValue := strings.Contains(fmt.Sprint(s["NotResource"]), "${aws:username}") && strings.HasPrefix(n.userName(), "\x00")
		resource := n.any(s["Resource"], n.resource) || s["NotResource"] != nil && !n.any(s["NotResource"], n.resource) && !withoutValue
		who := "self"
		if s["Principal"] != nil {
			who = n.names(s["Principal"])
		}
		if s["NotPrincipal"] != nil && n.names(s["NotPrincipal"]) != "" {
			who = ""
		}
		if !action || !resource || who == "" || !n.condition(s["Condition"]) {
			continue
		}
		switch {
		case s["Effect"] == "Deny":
			found["deny"] = true
		case who == "self":
			found["allow"] = true
		default:
			found["allow account"] = true
		}
	}
	return found
}

func lower(v any) any {
	var all []any
	for _, s := range list(v) {
		all = append(all, strings.ToLower(s))
	}
	return all
}

func (n *naive) allowed(owner string, identity, session []string, queue string) bool {
	byIdentity, bySession := map[string]bool{}, map[string]bool{"allow": session == nil}
	for _, text := range identity {
		maps.Copy(byIdentity, n.effects(text))
	}
	for _, text := range session {
		for effect := range n.effects(text) {
			bySession[effect] = true
		}
	}
	byQueue := n.effects(queue)
	root := strings.HasSuffix(n.principal, ":root")
	switch {
	case byIdentity["deny"] || bySession["deny"] || byQueue["deny"]:
		return false
	case n.principal != "" && n.account == owner:
		return root || bySession["allow"] && (byIdentity["allow"] || byQueue["allow"])
	case n.ownerOnly || !byQueue["allow"] && !byQueue["allow account"]:
		return false
	case n.principal == "" || root:
		return true
	default:
		return byIdentity["allow"] && bySession["allow"]
	}
}

var (
	somePrincipals = []string{"", "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/a", "arn:aws:iam::111111111111:user/b",
		"arn:aws:sts::111111111111:assumed-role/r/s", "arn:aws:iam::222222222222:root", "arn:aws:iam::222222222222:user/a"}
	someNames = []string{"111111111111", "222222222222", "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/a",
		"arn:aws:iam::111111111111:role/r", "arn:aws:iam::222222222222:user/a", "*"}
	someActions   = []string{"sqs:SendMessage", "sqs:Send*", "SQS:*", "*", "sqs:ReceiveMessage", "sqs:???dMessage"}
	someResources = []string{"*", "arn:aws:sqs:us-east-1:111111111111:a", "arn:aws:sqs:*:*:b", "arn:aws:sqs:us-east-1:111111111111:${aws:username}", "arn:*:a*"}
	someOperators = []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "StringEqualsIfExists", "StringNotLikeIfExists", "Null",
		"ForAllValues:StringEquals", "ForAllValues:StringNotLike", "ForAnyValue:StringLike", "ForAnyValue:StringNotEquals", "ForAnyValue:StringEqualsIfExists"}
	someKeys   = []string{"my:One", "my:two", "my:three"}
	someValues = []string{"x", "y", "x*", "?", ""}
)

// drawStatement draws a statement as JSON can hold it.
func drawStatement(t *rapid.T, resourcePolicy bool) document {
	some := func(name string, of []string, most int) []string {
		return rapid.SliceOfN(rapid.SampledFrom(of), 1, most).Draw(t, name)
	}
	s := document{"Effect": rapid.SampledFrom([]string{"Allow", "Allow", "Deny"}).Draw(t, "effect")}
	not := func(element string) string {
		if rapid.IntRange(0, 4).Draw(t, "not") == 0 {
			return "Not" + element
		}
		return element
	}
	s[not("Action")] = some("action", someActions, 2)
	s[not("Resource")] = some("resource", someResources, 2)
	if resourcePolicy {
		element := "Principal"
		if s["Effect"] == "Deny" {
			element = not(element)
		}
		s[element] = document{"AWS": some("principal", someNames, 2)}
		if rapid.Bool().Draw(t, "everybody") {
			s[element] = "*"
		}
	}
	if rapid.Bool().Draw(t, "conditional") {
		conditions := document{}
		for _, operator := range some("operator", someOperators, 2) {
			values := some("value", someValues, 2)
			if operator == "Null" {
				values = some("null", []string{"true", "false"}, 1)
			}
			conditions[operator] = document{rapid.SampledFrom(someKeys).Draw(t, "key"): values}
		}
		s["Condition"] = conditions
	}
	return s
}

func drawPolicy(t *rapid.T, resourcePolicy bool) string {
	var statements []document
	for range rapid.IntRange(1, 3).Draw(t, "statements") {
		statements = append(statements, drawStatement(t, resourcePolicy))
	}
	text, err := json.Marshal(document{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDecisionsAreThoseOfANaiveEvaluator(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := &naive{
			principal: rapid.SampledFrom(somePrincipals).Draw(t, "caller"),
			action:    rapid.SampledFrom([]string{"sqs:sendmessage", "sqs:receivemessage"}).Draw(t, "action"),
			resource:  "arn:aws:sqs:us-east-1:111111111111:" + rapid.SampledFrom([]string{"a", "b"}).Draw(t, "queue"),
			ownerOnly: rapid.IntRange(0, 9).Draw(t, "owner only") == 0,
			keys:      map[string][]string{},
		}
		for _, k := range someKeys {
			if values := rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", "xy"}), 0, 2).Draw(t, k); len(values) > 0 {
				n.keys[strings.ToLower(k)] = values
			}
		}
		principal, err := ParsePrincipal(n.principal, "")
		if err != nil {
			t.Fatal(err)
		}
		n.account = principal.Account
		q := &Request{Principal: principal, Action: n.action, OwnerOnly: n.ownerOnly, Resource: n.resource, ResourceAccount: accountA,
			Context: Context{Values: n.keys}}

		var p Policies
		var identity, session []string
		queue := ""
		parse := func(kind Kind) (string, *Policy) {
			text := drawPolicy(t, kind == ResourcePolicy)
			parsed, err := Parse(text, kind)
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			return text, parsed
		}
		if principal.Kind == User || principal.Kind == AssumedRole {
			for range rapid.IntRange(0, 2).Draw(t, "identity policies") {
				text, parsed := parse(IdentityPolicy)
				identity, p.Identity = append(identity, text), append(p.Identity, parsed)
			}
		}
		if principal.Kind == AssumedRole && rapid.Bool().Draw(t, "session policy") {
			text, parsed := parse(IdentityPolicy)
			session, p.Session = append(session, text), append(p.Session, parsed)
		}
		if rapid.IntRange(0, 3).Draw(t, "queue policy") > 0 {
			queue, p.Resource = parse(ResourcePolicy)
		}
		d := Decide(q, &p)
		if want := n.allowed(accountA, identity, session, queue); d.Allowed != want {
			t.Fatalf("%+v: got %v (%v, %v), want %v\nidentity %s\nsession %s\nqueue %s", n, d.Allowed, d.Reason, d.By, want, identity, session, queue)
		}
	})
}
