package iam

import (
	"strings"
	"testing"
	"time"
)

func TestConditions(t *testing.T) {
	for _, tc := range []struct {
		condition string // operator, key and value
		want      bool
	}{
		{`"StringEquals":{"aws:username":"alice"}`, true},
		{`"StringEquals":{"AWS:UserName":"alice"}`, true},
		{`"StringEquals":{"aws:username":"Alice"}`, false},
		{`"StringEquals":{"aws:username":["bob","alice"]}`, true},
		{`"StringEquals":{"aws:username":"a*"}`, false},
		{`"StringEquals":{"aws:username":"alice","aws:userid":"x"}`, false},
		{`"StringEquals":{"aws:username":"alice"},"StringLike":{"aws:userid":"x"}`, false},
		{`"StringEquals":{"aws:PrincipalOrgID":"o-1"}`, false},
		{`"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-1"}`, true},
		{`"StringEqualsIfExists":{"aws:username":"bob"}`, false},
		{`"StringNotEquals":{"aws:username":"alice"}`, false},
		{`"StringNotEquals":{"aws:username":["bob","alice"]}`, false},
		{`"StringNotEquals":{"aws:username":["bob","carol"]}`, true},
		{`"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}`, true},
		{`"StringEqualsIgnoreCase":{"aws:username":"ALICE"}`, true},
		{`"StringNotEqualsIgnoreCase":{"aws:username":"ALICE"}`, false},
		{`"StringLike":{"aws:username":"al*"}`, true},
		{`"StringLike":{"aws:username":"?lice"}`, true},
		{`"StringNotLike":{"aws:username":"al*"}`, false},
		{`"StringLike":{"aws:UserAgent":"aws-cli/*"}`, true},
		{`"StringEquals":{"aws:Referer":"x"}`, false},

		{`"StringEquals":{"aws:username":"${aws:username}"}`, true},
		{`"StringEquals":{"aws:username":"${aws:PrincipalOrgID}"}`, false},
		{`"StringNotEquals":{"aws:username":"${aws:PrincipalOrgID}"}`, false},
		{`"StringNotEquals":{"aws:username":["bob","${aws:PrincipalOrgID}"]}`, false},
		{`"StringEquals":{"aws:username":["${aws:PrincipalOrgID}","alice"]}`, true},
		{`"StringEquals":{"aws:username":"${aws:PrincipalOrgID, 'alice'}"}`, true},
		{`"StringEquals":{"aws:username":"${aws:username,'bob'}"}`, true},
		{`"StringEquals":{"aws:username":"${aws:TagKeys,'alice'}"}`, false},
		{`"StringLike":{"aws:username":"${*}"}`, false},
		{`"StringLike":{"aws:username":"al${aws:PrincipalOrgID,'*'}"}`, false},
		{`"StringEqualsIgnoreCase":{"aws:userid":"aida${aws:username}"}`, true},

		{`"NumericEquals":{"aws:EpochTime":"1795348800"}`, true},
		{`"NumericEquals":{"aws:EpochTime":1795348800}`, true},
		{`"NumericNotEquals":{"aws:EpochTime":"1"}`, true},
		{`"NumericLessThan":{"aws:EpochTime":"1795348800"}`, false},
		{`"NumericLessThanEquals":{"aws:EpochTime":"1795348800"}`, true},
		{`"NumericGreaterThan":{"aws:EpochTime":["9999999999","1.5"]}`, true},
		{`"NumericGreaterThanEquals":{"aws:EpochTime":"1795348801"}`, false},
		{`"NumericEquals":{"aws:username":"1"}`, false},
		{`"NumericNotEquals":{"aws:username":"1"}`, true},
		{`"NumericEquals":{"aws:MultiFactorAuthAge":"1"}`, false},

		{`"DateEquals":{"aws:CurrentTime":"2026-11-22T12:00:00Z"}`, true},
		{`"DateEquals":{"aws:CurrentTime":"2026-11-22T13:00:00+01:00"}`, true},
		{`"DateEquals":{"aws:EpochTime":"2026-11-22T12:00Z"}`, true},
		{`"DateEquals":{"aws:CurrentTime":"1795348800"}`, true},
		{`"DateNotEquals":{"aws:CurrentTime":"2026-11-22T12:00:00Z"}`, false},
		{`"DateLessThan":{"aws:CurrentTime":"2026-11-23"}`, true},
		{`"DateLessThanEquals":{"aws:CurrentTime":"2026-11-22T11:59:59Z"}`, false},
		{`"DateGreaterThan":{"aws:CurrentTime":"2026-11"}`, true},
		{`"DateGreaterThan":{"aws:CurrentTime":"2027"}`, false},
		{`"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-22T12:00:00Z"}`, true},
		{`"DateGreaterThan":{"aws:TokenIssueTime":"2000"}`, false},
		{`"DateLessThan":{"aws:TokenIssueTime":"2026-11-22T11:59:59Z"}`, false},
		{`"StringEquals":{"aws:CurrentTime":"2026-11-22T12:00:00Z"}`, true},
		{`"StringEquals":{"aws:EpochTime":"1795348800"}`, true},

		{`"Bool":{"aws:SecureTransport":"true"}`, true},
		{`"Bool":{"aws:SecureTransport":true}`, true},
		{`"Bool":{"aws:SecureTransport":"FALSE"}`, false},
		{`"Bool":{"aws:username":"true"}`, false},
		{`"Bool":{"aws:MultiFactorAuthPresent":"false"}`, false},
		{`"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}`, true},
		{`"Bool":{"aws:ViaAWSService":"false"}`, true},
		{`"Bool":{"aws:PrincipalIsAWSService":"false"}`, true},
		{`"BinaryEquals":{"my:key":"YWJj"}`, true},
		{`"BinaryEquals":{"my:key":"YWJk"}`, false},
		{`"BinaryEquals":{"aws:username":"YWJj"}`, false},

		{`"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`, true},
		{`"IpAddress":{"aws:SourceIp":"192.0.2.7"}`, true},
		{`"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::/0"]}`, false},
		{`"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.7"]}`, false},
		{`"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}`, true},
		{`"NotIpAddress":{"aws:VpcSourceIp":"10.0.0.0/8"}`, true},
		{`"IpAddress":{"aws:username":"10.0.0.0/8"}`, false},
		{`"StringEquals":{"aws:SourceIp":"192.0.2.7"}`, true},

		{`"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/*"}`, true},
		{`"ArnLike":{"aws:PrincipalArn":"arn:*:iam::*:user/al?ce"}`, true},
		{`"ArnLike":{"aws:PrincipalArn":"arn:*:user/alice::::"}`, false},
		{`"ArnLike":{"aws:PrincipalArn":"*"}`, true},
		{`"ArnLike":{"aws:username":"*"}`, false},
		{`"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/alice"}`, false},
		{`"ArnNotLike":{"aws:SourceArn":"arn:aws:sns:*:*:t"}`, true},
		{`"ArnEquals":{"aws:SourceArn":"arn:aws:sns:*:*:t"}`, false},
		{`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}"}`, true},

		{`"Null":{"aws:PrincipalOrgID":"true"}`, true},
		{`"Null":{"aws:PrincipalOrgID":"false"}`, false},
		{`"Null":{"aws:username":"true"}`, false},
		{`"Null":{"aws:username":false}`, true},
		{`"Null":{"aws:RequestTag/none":"true"}`, true},
		{`"Null":{"aws:ResourceTag/empty":"false"}`, true},

		{`"StringEquals":{"aws:RequestTag/team":"blue"}`, true},
		{`"StringEquals":{"aws:RequestTag/TEAM":"blue"}`, true},
		{`"StringEquals":{"aws:ResourceTag/team":"red"}`, true},
		{`"StringEquals":{"aws:ResourceTag/empty":""}`, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost","more"]}`, true},
		{`"ForAllValues:StringEquals":{"aws:TagKeys":"team"}`, false},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":"other"}`, true},
		{`"ForAllValues:StringNotEquals":{"aws:TagKeys":"team"}`, false},
		{`"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"x"}`, true},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":"team"}`, true},
		{`"ForAnyValue:StringEquals":{"aws:TagKeys":"other"}`, false},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":"team"}`, true},
		{`"ForAnyValue:StringNotEquals":{"aws:TagKeys":["team","cost"]}`, false},
		{`"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"*"}`, false},
		{`"ForAnyValue:StringNotLike":{"aws:PrincipalOrgPaths":"*"}`, false},
		{`"ForAnyValue:StringLikeIfExists":{"aws:PrincipalOrgPaths":"*"}`, true},
		{`"StringEquals":{"aws:TagKeys":"team"}`, true},

		{`"StringEquals":{"aws:PrincipalType":"User","aws:PrincipalAccount":"111111111111","aws:ResourceAccount":"111111111111","aws:RequestedRegion":"us-east-1"}`, true},
	} {
		p := mustParse(t, IdentityPolicy, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{`+tc.condition+`}}`)
		q := request(t, aliceOf(accountA))
		q.Context.Values = map[string][]string{"my:key": {"YWJj"}}
		if got := Decide(q, &Policies{Identity: []*Policy{p}}).Allowed; got != tc.want {
			t.Errorf("%s: %v", tc.condition, got)
		}
	}
}

// The values that a key has depend on who asks.
func TestKeysOfPrincipals(t *testing.T) {
	keys := []string{"aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:userid", "aws:username", "aws:MultiFactorAuthPresent",
		"aws:PrincipalIsAWSService", "aws:PrincipalServiceName"}
	for _, tc := range []struct {
		principal, userID string
		want              string
	}{
		{"", "", "- - Anonymous - - - false -"},
		{"arn:aws:iam::111111111111:root", accountA, "arn:aws:iam::111111111111:root 111111111111 Account 111111111111 - - false -"},
		{aliceOf(accountA), "AIDA1", "arn:aws:iam::111111111111:user/alice 111111111111 User AIDA1 alice - false -"},
		{"arn:aws:sts::111111111111:assumed-role/worker/one", "AROA1:one", "arn:aws:iam::111111111111:role/worker 111111111111 AssumedRole AROA1:one - false false -"},
		{"sns.amazonaws.com", "", "- - Service - - - true sns.amazonaws.com"},
	} {
		q := &Request{Principal: mustPrincipal(t, tc.principal, tc.userID)}
		var got []string
		for _, name := range keys {
			k, err := compileKey(name)
			if err != nil {
				t.Fatal(err)
			}
			text := "-"
			for _, v := range q.values(&k, nil) {
				text = v.asText()
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%q: %s", tc.principal, got)
		}
	}
}

// Only sessions have a token, which was issued some time ago.
func TestAgeOfTokens(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		issued    time.Time
		condition string
		want      bool
	}{
		{now.Add(-time.Hour), `"NumericLessThan":{"aws:TokenAge":"3601"}`, true},
		{now.Add(-time.Hour), `"NumericLessThan":{"aws:TokenAge":"3600"}`, false},
		{now.Add(-time.Hour - 999*time.Millisecond), `"NumericEquals":{"AWS:TokenAge":3600}`, true},
		{now.Add(-time.Hour), `"DateEquals":{"aws:TokenIssueTime":"2026-11-22T11:00:00Z"}`, true},
		{time.Time{}, `"NumericLessThan":{"aws:TokenAge":"3600"}`, false},
		{time.Time{}, `"Null":{"aws:TokenAge":"true","aws:TokenIssueTime":"true"}`, true},
	} {
		policy, err := Parse(`{"Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{`+tc.condition+`}}}`, IdentityPolicy)
		if err != nil {
			t.Fatal(err)
		}
		q := &Request{
			Principal: mustPrincipal(t, "arn:aws:sts::111111111111:assumed-role/worker/one", "AROA1:one"), Action: "sqs:sendmessage",
			Resource: "arn:aws:sqs:us-east-1:111111111111:q", ResourceAccount: "111111111111", Context: Context{Time: now, TokenIssued: tc.issued},
		}
		if d := Decide(q, &Policies{Identity: []*Policy{policy}}); d.Allowed != tc.want {
			t.Errorf("issued %v, %s: %v", tc.issued, tc.condition, d.Allowed)
		}
	}
}

// In documents of the first version variables are plain text.
func TestVariablesDependOnTheVersion(t *testing.T) {
	for version, want := range map[string]string{Version2012: "arn:aws:sqs:us-east-1:111111111111:alice-1", Version2008: "arn:aws:sqs:us-east-1:111111111111:${aws:username}-1", "": "arn:aws:sqs:us-east-1:111111111111:${aws:username}-1"} {
		text := `{"Version":"` + version + `","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs:*:*:${aws:username}-*"}}`
		if version == "" {
			text = strings.Replace(text, `"Version":"",`, "", 1)
		}
		p := &Policies{Identity: []*Policy{mustParse(t, IdentityPolicy, text)}}
		for _, resource := range []string{"arn:aws:sqs:us-east-1:111111111111:alice-1", "arn:aws:sqs:us-east-1:111111111111:${aws:username}-1"} {
			q := request(t, aliceOf(accountA))
			q.Resource = resource
			if got := Decide(q, p).Allowed; got != (resource == want) {
				t.Errorf("version %q, %s: %v", version, resource, got)
			}
		}
	}
}

// A value that a client chooses is never taken for a wildcard.
func TestValuesOfVariablesAreNoPatterns(t *testing.T) {
	p := &Policies{Identity: []*Policy{mustParse(t, IdentityPolicy, `{"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs:*:*:${aws:UserAgent}"}`)}}
	for agent, want := range map[string]bool{"orders": true, "*": false, "order?": false, "\xfe": false, "order\xff": false, "": false} {
		q := request(t, aliceOf(accountA))
		q.Context.UserAgent = agent
		if got := Decide(q, p).Allowed; got != want {
			t.Errorf("%q: %v", agent, got)
		}
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	p := policies(t, `[
		{"Effect":"Deny","Action":"sqs:DeleteQueue","Resource":"*"},
		{"Effect":"Deny","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:prod-*"},
		{"Effect":"Allow","Action":["sqs:Send*","sqs:ReceiveMessage"],"Resource":["arn:aws:sqs:*:*:other","arn:aws:sqs:us-east-1:111111111111:ord*"],"Condition":{
			"StringEquals":{"aws:ResourceTag/team":"red"},"StringLike":{"aws:UserAgent":["boto*","aws-cli/*"]},
			"IpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]},"Bool":{"aws:SecureTransport":"true"},
			"DateLessThan":{"aws:CurrentTime":"2030-01-01"},"NumericGreaterThan":{"aws:EpochTime":"1"},
			"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost"]},"Null":{"aws:PrincipalOrgID":"true"},
			"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/*"}}}]`,
		`[{"Sid":"tls","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},
		{"Sid":"b","Effect":"Allow","Principal":{"AWS":["222222222222","arn:aws:iam::222222222222:user/alice"]},"Action":"sqs:SendMessage","Resource":"*"}]`)
	for _, account := range []string{accountA, accountB} {
		q := request(t, aliceOf(account))
		var d Decision
		if n := testing.AllocsPerRun(100, func() { d = Decide(q, p) }); n != 0 {
			t.Errorf("%s: %v allocations", account, n)
		}
		if !d.Allowed {
			t.Errorf("%s: %v", account, d.Reason)
		}
	}
	text := aliceOf(accountA)
	if n := testing.AllocsPerRun(100, func() { _, _ = ParsePrincipal(text, "AIDA") }); n != 0 {
		t.Errorf("ParsePrincipal: %v allocations", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	text := `{"Effect":"Allow","Action":["sqs:SendMessage","sqs:ReceiveMessage","sqs:DeleteMessage"],"Resource":"` + queueA + `"}`
	p := &Policies{Identity: []*Policy{mustParse(b, IdentityPolicy, text)}}
	q := request(b, aliceOf(accountA))
	b.ReportAllocs()
	for b.Loop() {
		if !Decide(q, p).Allowed {
			b.Fatal("denied")
		}
	}
}
