package iam

import (
	"fmt"
	"strings"
	"testing"
)

const (
	annARN   = "arn:aws:iam::111122223333:user/team/ann"
	annID    = "AIDA22222222222222222"
	roleARN  = "arn:aws:iam::111122223333:role/deploy"
	roleID   = "AROA33333333333333333"
	nobodyID = "AIDA44444444444444444"
)

func TestNameByID(t *testing.T) {
	for name, test := range map[string]struct{ arn, before, after string }{
		"alone":              {annARN, `{"AWS":"` + annARN + `"}`, `{"AWS":"` + annID + `"}`},
		"in a list":          {annARN, `{"AWS":["*", "` + annARN + `","` + annARN + `" ]}`, `{"AWS":["*", "` + annID + `","` + annID + `" ]}`},
		"escaped":            {annARN, `{"AWS":"arn:aws:iam::111122223333:user\/team\/\u0061nn"}`, `{"AWS":"` + annID + `"}`},
		"another partition":  {annARN, `{"AWS":"arn:aws-cn:iam::111122223333:user/team/ann"}`, `{"AWS":"` + annID + `"}`},
		"another path":       {annARN, `{"AWS":"arn:aws:iam::111122223333:user/ann"}`, ""},
		"another account":    {annARN, `{"AWS":"arn:aws:iam::111122223334:user/team/ann"}`, ""},
		"another case":       {annARN, `{"AWS":"arn:aws:iam::111122223333:user/team/Ann"}`, ""},
		"the account":        {annARN, `{"AWS":["111122223333","arn:aws:iam::111122223333:root"]}`, ""},
		"everybody":          {annARN, `"*"`, ""},
		"another kind":       {annARN, `{"Federated":"` + annARN + `"}`, ""},
		"a role of the name": {annARN, `{"AWS":"arn:aws:iam::111122223333:role/team/ann"}`, ""},
		"by its ID":          {annARN, `{"AWS":"` + annID + `"}`, ""},
		"no session's name":  {roleARN, `{"AWS":"arn:aws:sts::111122223333:assumed-role/deploy/a b"}`, ""},
		"a role":             {roleARN, `{"AWS":"` + roleARN + `"}`, `{"AWS":"` + roleID + `"}`},
		"a role by a path":   {roleARN, `{"AWS":"arn:aws:iam::111122223333:role/x/deploy"}`, `{"AWS":"` + roleID + `"}`}, // sessions do not tell the path
		"a session":          {roleARN, `{"AWS":"arn:aws:sts::111122223333:assumed-role/deploy/s.1"}`, `{"AWS":"` + roleID + `:s.1"}`},
		"another's session":  {roleARN, `{"AWS":"arn:aws:sts::111122223333:assumed-role/other/s.1"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			id := annID
			if test.arn == roleARN {
				id = roleID
			}
			// What stands elsewhere stays, with its spaces.
			const statement = "{ \"Sid\":\"%s\",\"Effect\":\"Deny\",\t\"%s\":%s,\"Action\":\"sqs:*\",\"Resource\":\"*\",\"Condition\":{\"ArnEquals\":{\"aws:PrincipalArn\":\"%s\"}} }"
			for _, form := range []string{`{"Version":"2012-10-17","Statement":[` + statement + "]}\n", `{"Statement":` + statement + `,"Id":"` + annARN + `"}`} {
				for _, element := range []string{"Principal", "NotPrincipal"} {
					document := fmt.Sprintf(form, test.arn, element, test.before, test.arn)
					want := document
					if test.after != "" {
						want = fmt.Sprintf(form, test.arn, element, test.after, test.arn)
					}
					got, ok := NameByID(document, test.arn, id)
					if got != want || ok != (test.after != "") {
						t.Errorf("%s\nbecame\n%s, %v", document, got, ok)
					}
					if len(got) > len(document) {
						t.Error("it has become longer")
					}
					if _, err := Parse(got, ResourcePolicy); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for _, document := range []string{"", "ann", `{"Statement":[{"Principal":{"AWS":"` + annARN, `[["` + annARN + `"]]`} {
		if got, ok := NameByID(document, annARN, annID); ok && !strings.HasPrefix(document, "{") || !ok && got != document {
			t.Errorf("%s became %s, %v", document, got, ok)
		}
	}
}

// Unique IDs name one user, one role with its sessions, or one session, whatever they are called.
func TestUniqueIDsInPolicies(t *testing.T) {
	ann := Principal{Kind: User, ARN: annARN, Account: "111122223333", Name: "ann", UserID: annID}
	session := Principal{Kind: AssumedRole, ARN: "arn:aws:sts::111122223333:assumed-role/deploy/s1", Account: "111122223333", Name: "deploy", UserID: roleID + ":s1"}
	for _, test := range []struct {
		id   string
		p    Principal
		want coverage
	}{
		{annID, ann, coveredSelf},
		{nobodyID, ann, notCovered},
		{roleID, session, coveredSelf},
		{roleID + ":s1", session, coveredSession},
		{roleID + ":s2", session, notCovered},
		{annID, session, notCovered},
		{roleID, ann, notCovered},
		{annID, Principal{}, notCovered},
	} {
		n, err := compileNamed("AWS", test.id)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.covers(&test.p); got != test.want {
			t.Errorf("%s covers %s as %d, want %d", test.id, test.p.ARN, got, test.want)
		}
	}
	for _, bad := range []string{"AIDA", "AIDA2222222222222222 ", annID + ":s1", "AGPA22222222222222222", "aida22222222222222222", roleID + ":", "AKIA22222222222222222", annID + "\n"} {
		if _, err := compileNamed("AWS", bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzNameByID names a user by its ID in any document: what could be read can be read, is not longer, and does not name it by its ARN any more.
func FuzzNameByID(f *testing.F) {
	f.Add(`{"Statement":{"Effect":"Allow","Principal":{"AWS":["` + annARN + `","*"]},"Action":"*","Resource":"*"}}`)
	f.Add(`{"Statement":[{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user\u002fteam/ann"},"Action":"*","Resource":"*"}]}`)
	f.Fuzz(func(t *testing.T, document string) {
		before, err := Parse(document, ResourcePolicy)
		got, changed := NameByID(document, annARN, annID)
		if err != nil {
			return
		}
		after, err := Parse(got, ResourcePolicy)
		if err != nil || len(got) > len(document) {
			t.Fatalf("%s became %s: %v", document, got, err)
		}
		ann := Principal{Kind: User, ARN: annARN, Account: "111122223333", Name: "ann", UserID: annID}
		next := ann
		next.UserID = nobodyID
		for i := range before.Statements {
			if before.Statements[i].covers(&ann) != after.Statements[i].covers(&ann) {
				t.Errorf("%s became %s, which decides otherwise", document, got)
			}
		}
		if again, ok := NameByID(got, annARN, annID); ok || again != got {
			t.Errorf("%s became %s, and then %s", document, got, again)
		}
		for i := range after.Statements {
			for _, n := range after.Statements[i].principals {
				if n.kind == namesUser && n.covers(&next) != notCovered {
					t.Errorf("%s became %s (%v), which means the next user", document, got, changed)
				}
			}
		}
	})
}
