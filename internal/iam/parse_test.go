package iam

import (
	"errors"
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	const (
		identity = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}`
		queue    = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}]}`
		trust    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}`
	)
	for kind, text := range map[Kind]string{IdentityPolicy: identity, ResourcePolicy: queue, TrustPolicy: trust} {
		if _, err := Parse(text, kind); err != nil {
			t.Fatalf("%v: %v", kind, err)
		}
	}
	condition := func(text string) (string, string) { return `"Action"`, `"Condition":{` + text + `},"Action"` }
	with := func(old, new string) func(string, string) (string, string) {
		return func(string, string) (string, string) { return old, new }
	}
	given := func(text string) func(string, string) (string, string) {
		return func(string, string) (string, string) { return condition(text) }
	}
	for _, tc := range []struct {
		base   string
		edit   func(string, string) (string, string)
		at     string
		saying string
	}{
		{identity, with(identity, ""), "", "the document ends too early"},
		{identity, with(`}]}`, `}]`), "", "unexpected EOF"},
		{identity, with(`}]}`, `}]}{}`), "", "something follows"},
		{identity, with(`}]}`, `}]} x`), "", "something follows"},
		{identity, with(`"sqs:*"`, `sqs`), "/Statement/0/Action", "not JSON at byte"},
		{identity, with(`"sqs:*"`, `"sqs:*","Action":"x"`), "/Statement/0/Action", "duplicate"},
		{identity, with(`"sqs:*"`, "\"sqs:\xff\""), "/Statement/0/Action", "UTF-8"},
		{identity, with(identity, "[]"), "", "a policy must be an object"},
		{identity, with("2012", "2013"), "/Version", `there is no version "2013-10-17"`},
		{identity, with(`"Version"`, `"Colour":1,"Version"`), "/Colour", `no element "Colour"`},
		{identity, with(`"Version"`, `"Id":1,"Version"`), "/Id", "want a text"},
		{identity, with(`"Statement":`, `"Id":`), "/Id", "want a text"},
		{identity, with(`[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]`, `[]`), "/Statement", "the list is empty"},
		{identity, with(`[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]`, `[{}]`), "/Statement/0", "the statement is empty"},
		{identity, with(`[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]`, `"x"`), "/Statement", "a statement must be an object"},
		{identity, with(`"Statement"`, `"Statements"`), "/Statements", `no element "Statements"`},
		{identity, with(`"Effect"`, `"Colour":1,"Effect"`), "/Statement/0/Colour", `no element "Colour"`},
		{identity, with(`"Allow"`, `"allow"`), "/Statement/0/Effect", `"allow" is not an effect`},
		{identity, with(`"Effect":"Allow",`, ``), "/Statement/0", "no Effect"},
		{identity, with(`"Action":"sqs:*",`, ``), "/Statement/0", "no Action"},
		{identity, with(`"sqs:*"`, `[]`), "/Statement/0/Action", "the list is empty"},
		{identity, with(`"sqs:*"`, `"SendMessage"`), "/Statement/0/Action", `"SendMessage" is not an action`},
		{identity, with(`"sqs:*"`, `"sqs:Send Message"`), "/Statement/0/Action", "is not an action"},
		{identity, with(`"Action"`, `"NotAction":"*","Action"`), "/Statement/0", "both Action and NotAction"},
		{identity, with(`,"Resource":"*"`, ``), "/Statement/0", "no Resource"},
		{identity, with(`"Resource"`, `"NotResource":"*","Resource"`), "/Statement/0", "both Resource and NotResource"},
		{identity, with(`"Resource":"*"`, `"Resource":"orders"`), "/Statement/0/Resource", `"orders" is not a resource`},
		{identity, with(`"Resource":"*"`, `"Resource":"arn:${aws:username"`), "/Statement/0/Resource", "without a }"},
		{identity, with(`"Resource":"*"`, `"Resource":"arn:${}"`), "/Statement/0/Resource", "not a policy variable"},
		{identity, with(`"Resource":"*"`, `"Resource":"arn:${aws:username, x}"`), "/Statement/0/Resource", "single quotes"},
		{identity, with(`"Resource":"*"`, `"Resource":"arn:*`+strings.Repeat("a", 64)+`?*"`), "/Statement/0/Resource", "longer than 64 bytes"},
		{identity, with(`"Action"`, `"Principal":"*","Action"`), "/Statement/0/Principal", "names no principal"},
		{identity, with(`}]}`, `,"Sid":"x"},{"Sid":"x","Effect":"Deny","Action":"*","Resource":"*"}]}`), "/Statement/1/Sid", `another statement with the Sid "x"`},
		{identity, given(`"StringEqual":{"aws:username":"x"}`), "/Statement/0/Condition/StringEqual", "is not a condition operator"},
		{identity, given(`"ForAnyValues:StringEquals":{"aws:username":"x"}`), "/Statement/0/Condition/ForAnyValues:StringEquals", "is not a condition operator"},
		{identity, given(`"NullIfExists":{"aws:username":"true"}`), "/Statement/0/Condition/NullIfExists", "Null stands alone"},
		{identity, given(`"StringEquals":"x"`), "/Statement/0/Condition/StringEquals", "must be an object"},
		{identity, given(`"StringEquals":{"":"x"}`), "/Statement/0/Condition/StringEquals/", "is empty"},
		{identity, given(`"StringEquals":{"aws:RequestTag/":"x"}`), "/Statement/0/Condition/StringEquals/aws:RequestTag~1", "tag is missing"},
		{identity, given(`"StringEquals":{"a:b":null}`), "/Statement/0/Condition/StringEquals/a:b", "want a text, a number"},
		{identity, given(`"StringEquals":{"a:b":[]}`), "/Statement/0/Condition/StringEquals/a:b", "the list is empty"},
		{identity, given(`"NumericEquals":{"a:b":["1","0x1"]}`), "/Statement/0/Condition/NumericEquals/a:b", `"0x1" is not a number`},
		{identity, given(`"NumericEquals":{"a:b":"NaN"}`), "/Statement/0/Condition/NumericEquals/a:b", "is not a number"},
		{identity, given(`"DateEquals":{"a:b":"yesterday"}`), "/Statement/0/Condition/DateEquals/a:b", "is not a date"},
		{identity, given(`"Bool":{"a:b":"yes"}`), "/Statement/0/Condition/Bool/a:b", "neither true nor false"},
		{identity, given(`"BinaryEquals":{"a:b":"%"}`), "/Statement/0/Condition/BinaryEquals/a:b", "not base64"},
		{identity, given(`"IpAddress":{"a:b":"10.0.0.0/33"}`), "/Statement/0/Condition/IpAddress/a:b", "neither an IP address nor a range"},
		{identity, given(`"IpAddress":{"a:b":"::ffff:10.0.0.0/104"}`), "/Statement/0/Condition/IpAddress/a:b", "as IPv4"},
		{identity, given(`"ArnLike":{"a:b":"arn:aws:sns:*"}`), "/Statement/0/Condition/ArnLike/a:b", "is not an ARN"},
		{queue, with(`"Principal":"*",`, ``), "/Statement/0", "no Principal"},
		{queue, with(`"Principal"`, `"NotPrincipal":"*","Principal"`), "/Statement/0", "both Principal and NotPrincipal"},
		{queue, with(`"Deny","Principal"`, `"Allow","NotPrincipal"`), "/Statement/0/NotPrincipal", "would let in everybody else"},
		{queue, with(`:"*","Action"`, `:"111111111111","Action"`), "/Statement/0/Principal", "is not a principal"},
		{queue, with(`:"*","Action"`, `:{},"Action"`), "/Statement/0/Principal", "nobody is named"},
		{queue, with(`:"*","Action"`, `:{"AWS":[]},"Action"`), "/Statement/0/Principal/AWS", "the list is empty"},
		{queue, with(`:"*","Action"`, `:{"Person":"x"},"Action"`), "/Statement/0/Principal", `no principal of the kind "Person"`},
		{queue, with(`:"*","Action"`, `:{"AWS":"alice"},"Action"`), "/Statement/0/Principal", "is not a principal"},
		{queue, with(`:"*","Action"`, `:{"AWS":"arn:aws:iam::111111111111:user/*"},"Action"`), "/Statement/0/Principal", "wildcards in an ARN"},
		{queue, with(`:"*","Action"`, `:{"Service":"sns"},"Action"`), "/Statement/0/Principal", "not the name of a service"},
		{trust, with(`"sts:AssumeRole"`, `"sts:AssumeRole","Resource":"*"`), "/Statement/0/Resource", "names no resource"},
		{trust, with(`"Principal":{"AWS":"111111111111"},`, ``), "/Statement/0", "no Principal"},
	} {
		kind := map[string]Kind{identity: IdentityPolicy, queue: ResourcePolicy, trust: TrustPolicy}[tc.base]
		old, replacement := tc.edit("", "")
		text := strings.Replace(tc.base, old, replacement, 1)
		_, err := Parse(text, kind)
		var e *Error
		if !errors.As(err, &e) || e.At != tc.at || !strings.Contains(e.Text, tc.saying) {
			t.Errorf("%s\n got %v\nwant %s: … %s", text, err, tc.at, tc.saying)
		}
	}
	if _, err := Parse(identity+strings.Repeat(" ", BytesMax), IdentityPolicy); err == nil || !strings.Contains(err.Error(), "it may have 20480") {
		t.Errorf("a large document: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	p := mustParse(t, ResourcePolicy, `[{"Effect":"Allow","Principal":{"AWS":"111111111111","Federated":"x"},"Action":["sqs:SendMessageBatch","sqs:Send*","*"],"Resource":"*",
		"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o","aws:username":"x"}}}]`)
	want := []string{
		"/Statement/0: there is no action sqs:SendMessageBatch; batches are covered by the action without Batch",
		"/Statement/0: no request has the condition key aws:PrincipalOrgID here",
		"/Statement/0: federated and canonical users never call here",
	}
	got := p.Warnings([]string{"sqs:SendMessage"})
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}
