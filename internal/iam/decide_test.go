package iam

import (
	"strings"
	"testing"
)

const (
	allowIdentity = `{"Sid":"I","Effect":"Allow","Action":"sqs:SendMessage","Resource":"` + queueA + `"}`
	denyIdentity  = `{"Sid":"I","Effect":"Deny","Action":"sqs:SendMessage","Resource":"*"}`
	allowQueue    = `{"Sid":"Q","Effect":"Allow","Principal":{"AWS":["` + "arn:aws:iam::111111111111:user/alice" + `","` + "arn:aws:iam::222222222222:user/alice" + `"]},"Action":"SQS:SendMessage","Resource":"` + queueA + `"}`
	denyQueue     = `{"Sid":"Q","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"` + queueA + `"}`
)

// policies makes the policies of a test; an empty text is none.
func policies(t *testing.T, identity, queue string) *Policies {
	p := &Policies{}
	if identity != "" {
		p.Identity = []*Policy{mustParse(t, IdentityPolicy, identity)}
	}
	if queue != "" {
		p.Resource = mustParse(t, ResourcePolicy, queue)
	}
	return p
}

// The table of reference/sqs.md 11.3, row by row.
func TestSameAndOtherAccount(t *testing.T) {
	for _, row := range []struct {
		name, identity, queue string
		same, other           Reason
	}{
		{"Allow, Allow", allowIdentity, allowQueue, AllowedByIdentity, AllowedByResource},
		{"Allow, none", allowIdentity, "", AllowedByIdentity, NotAllowedByResource},
		{"Allow, Deny", allowIdentity, denyQueue, DeniedByResource, DeniedByResource},
		{"none, Allow", "", allowQueue, AllowedByResource, NotAllowedByIdentity},
		{"none, none", "", "", NotAllowedByIdentity, NotAllowedByIdentity},
		{"none, Deny", "", denyQueue, DeniedByResource, DeniedByResource},
		{"Deny, Allow", denyIdentity, allowQueue, DeniedByIdentity, DeniedByIdentity},
		{"Deny, none", denyIdentity, "", DeniedByIdentity, DeniedByIdentity},
		{"Deny, Deny", denyIdentity, denyQueue, DeniedByIdentity, DeniedByIdentity},
	} {
		t.Run(row.name, func(t *testing.T) {
			for account, want := range map[string]Reason{accountA: row.same, accountB: row.other} {
				d := Decide(request(t, aliceOf(account)), policies(t, row.identity, row.queue))
				if d.Reason != want || d.Allowed != (want <= AllowedByResource) {
					t.Errorf("from %s: %+v, want %v", account, d, want)
				}
			}
		})
	}
}

func TestDecide(t *testing.T) {
	const (
		alice   = "arn:aws:iam::111111111111:user/alice"
		session = "arn:aws:sts::111111111111:assumed-role/worker/one"
		rootA   = "arn:aws:iam::111111111111:root"
		rootB   = "arn:aws:iam::222222222222:root"
	)
	grant := func(principal string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":"sqs:SendMessage","Resource":"*"}`
	}
	deny := func(principal string) string { return strings.Replace(grant(principal), "Allow", "Deny", 1) }
	denyNot := func(principal string) string {
		return strings.Replace(deny(principal), "Principal", "NotPrincipal", 1)
	}
	aws := func(name string) string { return `{"AWS":"` + name + `"}` }
	for _, tc := range []struct {
		name, principal, identity, queue string
		want                             Reason
	}{
		{"the owner's root", rootA, "", "", AllowedByOwner},
		{"the owner's root is denied", rootA, "", denyQueue, DeniedByResource},
		{"the owner's root is not denied by others' name", rootA, "", deny(aws(alice)), AllowedByOwner},
		{"a root that is denied by its account", rootA, "", deny(aws(accountA)), DeniedByResource},
		{"another root", rootB, "", "", NotAllowedByResource},
		{"another root, by account", rootB, "", grant(aws(accountB)), AllowedByResource},
		{"another root, by ARN", rootB, "", grant(aws(rootB)), AllowedByResource},
		{"a user by the account of the queue", alice, "", grant(aws(accountA)), NotAllowedByIdentity},
		{"a user by the root of the queue", alice, "", grant(aws(rootA)), NotAllowedByIdentity},
		{"a user by another account, without a policy", aliceOf(accountB), "", grant(aws(accountB)), NotAllowedByIdentity},
		{"a user by another account, with a policy", aliceOf(accountB), allowIdentity, grant(aws(rootB)), AllowedByResource},
		{"a user as everybody", alice, "", grant(`"*"`), AllowedByResource},
		{"a user as every AWS principal", alice, "", grant(aws("*")), AllowedByResource},
		{"a foreign user as everybody", aliceOf(accountB), "", grant(`"*"`), NotAllowedByIdentity},
		{"another user's name", "arn:aws:iam::111111111111:user/malice", "", grant(aws(alice)), NotAllowedByIdentity},
		{"a user with another's name behind a path", "arn:aws:iam::111111111111:user/x:user/alice", "", grant(aws(alice)), NotAllowedByIdentity},
		{"a user with a path", "arn:aws:iam::111111111111:user/x/alice", "", grant(aws("arn:aws:iam::111111111111:user/x/alice")), AllowedByResource},
		{"a user of China", alice, "", grant(aws("arn:aws-cn:iam::111111111111:user/alice")), AllowedByResource},
		{"a session by its role", session, "", grant(aws("arn:aws:iam::111111111111:role/worker")), AllowedByResource},
		{"a session by its role with a path", session, "", grant(aws("arn:aws:iam::111111111111:role/app/worker")), AllowedByResource},
		{"a session by another role", session, "", grant(aws("arn:aws:iam::111111111111:role/other")), NotAllowedByIdentity},
		{"a session by itself", session, "", grant(aws(session)), AllowedByResource},
		{"a session by another session", session, "", grant(aws("arn:aws:sts::111111111111:assumed-role/worker/two")), NotAllowedByIdentity},
		{"a session that its role denies", session, allowIdentity, deny(aws("arn:aws:iam::111111111111:role/worker")), DeniedByResource},
		{"denied unless named, named", alice, allowIdentity, denyNot(aws(alice)), AllowedByIdentity},
		{"denied unless named, another", alice, allowIdentity, denyNot(aws(rootB)), DeniedByResource},
		{"denied unless of the account", alice, allowIdentity, denyNot(aws(accountA)), AllowedByIdentity},
		{"anonymous", "", "", "", NotAllowedByResource},
		{"anonymous as everybody", "", "", grant(`"*"`), AllowedByResource},
		{"anonymous as every AWS principal", "", "", grant(aws("*")), AllowedByResource},
		{"anonymous by account", "", "", grant(aws(accountA)), NotAllowedByResource},
		{"anonymous is denied", "", "", denyQueue, DeniedByResource},
		{"a service", "sns.amazonaws.com", "", grant(`{"Service":"sns.amazonaws.com"}`), AllowedByResource},
		{"another service", "events.amazonaws.com", "", grant(`{"Service":"sns.amazonaws.com"}`), NotAllowedByResource},
		{"a user named as a federated one", alice, "", grant(`{"Federated":"accounts.google.com"}`), NotAllowedByIdentity},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := Decide(request(t, tc.principal), policies(t, tc.identity, tc.queue))
			if d.Reason != tc.want || d.Allowed != (tc.want <= AllowedByResource) {
				t.Errorf("%+v, want %v", d, tc.want)
			}
		})
	}
}

func TestOwnerOnlyActionsAreNeverCrossAccount(t *testing.T) {
	p := policies(t, `{"Effect":"Allow","Action":"*","Resource":"*"}`, `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`)
	for principal, want := range map[string]Reason{
		aliceOf(accountA):                AllowedByIdentity,
		aliceOf(accountB):                NotAllowedByResource,
		"arn:aws:iam::222222222222:root": NotAllowedByResource,
		"arn:aws:iam::111111111111:root": AllowedByOwner,
		"":                               NotAllowedByResource,
		"sns.amazonaws.com":              NotAllowedByResource,
		"arn:aws:sts::222222222222:assumed-role/r/s": NotAllowedByResource,
	} {
		q := request(t, principal)
		q.Action, q.OwnerOnly = "sqs:deletequeue", true
		if d := Decide(q, p); d.Reason != want {
			t.Errorf("%q: %v, want %v", principal, d.Reason, want)
		}
	}
}

func TestSessionPolicies(t *testing.T) {
	const session = "arn:aws:sts::111111111111:assumed-role/worker/one"
	byRole := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/worker"},"Action":"sqs:SendMessage","Resource":"*"}`
	bySession := strings.Replace(byRole, "arn:aws:iam::111111111111:role/worker", session, 1)
	const other = `{"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*"}`
	for _, tc := range []struct {
		name, session, identity, queue string
		want                           Reason
	}{
		{"both allow", allowIdentity, allowIdentity, "", AllowedByIdentity},
		{"the session policy alone", allowIdentity, "", "", NotAllowedByIdentity},
		{"the role alone", other, allowIdentity, "", NotAllowedBySession},
		{"the session policy denies", denyIdentity, allowIdentity, byRole, DeniedBySession},
		{"the queue lets the role in", other, "", byRole, NotAllowedBySession},
		{"the queue lets the session in", other, "", bySession, AllowedByResource},
		{"the queue lets both in", other, "", `[` + byRole + `,` + bySession + `]`, AllowedByResource},
		{"the queue lets the role in, as the session policy does", allowIdentity, "", byRole, AllowedByResource},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := policies(t, tc.identity, tc.queue)
			p.Session = []*Policy{mustParse(t, IdentityPolicy, tc.session)}
			if d := Decide(request(t, session), p); d.Reason != tc.want {
				t.Errorf("%v, want %v", d.Reason, tc.want)
			}
		})
	}
	q := request(t, strings.Replace(session, accountA, accountB, 1))
	p := policies(t, allowIdentity, `{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"*","Resource":"*"}`)
	p.Session = []*Policy{mustParse(t, IdentityPolicy, other)}
	if d := Decide(q, p); d.Reason != NotAllowedBySession {
		t.Errorf("another account: %v", d.Reason)
	}
}

// Nobody becomes a role that does not trust him, whatever his own policies say.
func TestTrustPolicies(t *testing.T) {
	const mayAssume = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`
	trusts := func(who string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"` + who + `"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}`
	}
	for _, tc := range []struct {
		name, principal, identity, trust string
		want                             Reason
	}{
		{"named itself", aliceOf(accountA), "", trusts(aliceOf(accountA)), AllowedByResource},
		{"its account is named", aliceOf(accountA), "", trusts(accountA), NotAllowedByIdentity},
		{"its account is named, and its policy allows", aliceOf(accountA), mayAssume, trusts(accountA), AllowedByIdentity},
		{"its policy alone", aliceOf(accountA), mayAssume, trusts(accountB), NotAllowedByResource},
		{"another account", aliceOf(accountB), mayAssume, trusts(accountB), AllowedByResource},
		{"another account, without a policy", aliceOf(accountB), "", trusts(accountB), NotAllowedByIdentity},
		{"the root of the role's account", "arn:aws:iam::111111111111:root", "", trusts(accountB), NotAllowedByResource},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := policies(t, tc.identity, "")
			p.Resource = mustParse(t, TrustPolicy, tc.trust)
			q := request(t, tc.principal)
			q.Action, q.Resource = "sts:assumerole", "arn:aws:iam::111111111111:role/worker"
			q.Context.Values = map[string][]string{"sts:externalid": {"x"}}
			if d := Decide(q, p); d.Reason != tc.want || d.Allowed != (tc.want <= AllowedByResource) {
				t.Errorf("%+v, want %v", d, tc.want)
			}
			q.Context.Values = nil
			if Decide(q, p).Allowed {
				t.Error("the condition does not count")
			}
		})
	}
}

// Both policies of AWS's guide for SQS, as they stand there but for names.
func TestExamplesOfTheGuide(t *testing.T) {
	identity := `{"Version": "2012-10-17", "Statement": [{
		"Effect": "Allow",
		"Action": ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"],
		"Resource": "` + queueA + `"}]}`
	queue := `{"Version": "2012-10-17", "Id": "Queue1_Policy_UUID", "Statement": [{
		"Sid": "Queue1_SendReceive", "Effect": "Allow",
		"Principal": {"AWS": "arn:aws:iam::222222222222:root"},
		"Action": ["sqs:SendMessage", "sqs:ReceiveMessage"],
		"Resource": "` + queueA + `"}]}`
	for _, tc := range []struct {
		principal, policy, action string
		want                      bool
	}{
		{aliceOf(accountA), identity, "sqs:sendmessage", true},
		{aliceOf(accountA), identity, "sqs:receivemessage", true},
		{aliceOf(accountA), identity, "sqs:deletemessage", true},
		{aliceOf(accountA), identity, "sqs:getqueueattributes", true},
		{aliceOf(accountA), identity, "sqs:getqueueurl", true},
		{aliceOf(accountA), identity, "sqs:purgequeue", false},
		{"arn:aws:iam::222222222222:root", queue, "sqs:sendmessage", true},
		{"arn:aws:iam::222222222222:root", queue, "sqs:receivemessage", true},
		{"arn:aws:iam::222222222222:root", queue, "sqs:deletemessage", false},
		{"arn:aws:iam::333333333333:root", queue, "sqs:sendmessage", false},
		{"", queue, "sqs:sendmessage", false},
	} {
		p := &Policies{}
		if tc.policy == queue {
			p.Resource = mustParse(t, ResourcePolicy, queue)
		} else {
			p.Identity = []*Policy{mustParse(t, IdentityPolicy, identity)}
		}
		q := request(t, tc.principal)
		q.Action = tc.action
		if d := Decide(q, p); d.Allowed != tc.want {
			t.Errorf("%s by %q: %+v", tc.action, tc.principal, d)
		}
		q.Resource += "2"
		if tc.policy == identity && Decide(q, p).Allowed {
			t.Errorf("%s of another queue is allowed", tc.action)
		}
	}
}

// What cannot be read might have denied something. The owner's root can still put it right.
func TestUnreadablePoliciesDeny(t *testing.T) {
	p := policies(t, allowIdentity, "")
	p.Resource = Unreadable(ResourcePolicy)
	if d := Decide(request(t, aliceOf(accountA)), p); d.Reason != DeniedByResource || d.By.String() != "resource policy, statement 0 (unreadable)" {
		t.Errorf("a user: %v by %v", d.Reason, d.By)
	}
	if d := Decide(request(t, "arn:aws:iam::111111111111:root"), p); d.Reason != AllowedByOwner {
		t.Errorf("the owner: %v", d.Reason)
	}
	if d := Decide(request(t, "arn:aws:iam::222222222222:root"), p); d.Reason != NotAllowedByResource {
		t.Errorf("another root: %v", d.Reason)
	}
	p = policies(t, allowIdentity, allowQueue)
	p.Identity = append(p.Identity, Unreadable(IdentityPolicy))
	if d := Decide(request(t, aliceOf(accountA)), p); d.Reason != DeniedByIdentity {
		t.Errorf("an identity policy: %v", d.Reason)
	}
}

func TestDecisionNamesItsStatement(t *testing.T) {
	const other = `{"Effect":"Allow","Action":"sqs:PurgeQueue","Resource":"*"}`
	named := mustParse(t, IdentityPolicy, `[`+other+`,`+strings.Replace(allowIdentity, `"I"`, `"Second"`, 1)+`]`).Named("senders")
	p := policies(t, "", allowQueue)
	p.Identity = []*Policy{mustParse(t, IdentityPolicy, other), named}
	if d := Decide(request(t, aliceOf(accountA)), p); d.By.String() != "senders, statement 1 (Second)" || d.And.Policy != nil {
		t.Errorf("same account: by %v and %v", d.By, d.And)
	}
	d := Decide(request(t, aliceOf(accountB)), p)
	if d.By.String() != "resource policy, statement 0 (Q)" || d.And.String() != "senders, statement 1 (Second)" {
		t.Errorf("other account: by %v and %v", d.By, d.And)
	}
	d = Decide(request(t, aliceOf(accountA)), policies(t, denyIdentity, allowQueue))
	if d.By.String() != "identity policy, statement 0 (I)" {
		t.Errorf("denied: by %v", d.By)
	}
}

// reference/sqs.md 11.3: the newer texts of AWS, with the action in lower case.
func TestDeniedText(t *testing.T) {
	const begin = "User: arn:aws:iam::222222222222:user/alice is not authorized to perform: sqs:sendmessage on resource: arn:aws:sqs:us-east-1:111111111111:orders "
	for reason, want := range map[Reason]string{
		DeniedByIdentity:     "with an explicit deny in an identity-based policy",
		DeniedByResource:     "with an explicit deny in a resource-based policy",
		DeniedBySession:      "with an explicit deny in a session policy",
		NotAllowedByIdentity: "because no identity-based policy allows the sqs:sendmessage action",
		NotAllowedByResource: "because no resource-based policy allows the sqs:sendmessage action",
		NotAllowedBySession:  "because no session policy allows the sqs:sendmessage action",
	} {
		d := Decision{Reason: reason}
		if got := d.DeniedText(request(t, aliceOf(accountB))); got != begin+want {
			t.Errorf("%s", got)
		}
	}
}

func TestTrace(t *testing.T) {
	p := mustParse(t, ResourcePolicy, `[
		{"Effect":"Allow","Principal":"*","Action":"sqs:PurgeQueue","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"*","Resource":"*"},
		{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:sqs:*:*:other"},
		{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},
		{"Effect":"Deny","Principal":"*","Action":"*","NotResource":"arn:aws:sqs:*:*:${aws:SourceAccount}"},
		{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"*","Resource":"*"},
		{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]`)
	want := []string{
		"Action does not cover the action",
		"Principal does not cover the principal",
		"Resource does not cover the resource",
		"the condition Bool of aws:SecureTransport is not met",
		"a variable in NotResource has no value",
		"it names the principal's own account, which leaves the decision to identity policies",
		"",
	}
	for i, step := range p.Trace(request(t, aliceOf(accountA))) {
		if step.Why != want[i] || step.Applies != (i >= 5) || step.Index != i {
			t.Errorf("%d: %+v", i, step)
		}
	}
}

func TestParsePrincipal(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Principal // the zero one: refused
	}{
		{"arn:aws:iam::111111111111:root", Principal{Kind: Root, Account: accountA}},
		{"arn:aws:iam::111111111111:user/a/b/alice", Principal{Kind: User, Account: accountA, Name: "alice"}},
		{"arn:aws:sts::111111111111:assumed-role/worker/one", Principal{Kind: AssumedRole, Account: accountA, Name: "worker"}},
		{"sns.amazonaws.com", Principal{Kind: Service, Name: "sns.amazonaws.com"}},
		{"arn:aws:iam::111111111111:role/worker", Principal{}},
		{"arn:aws:iam::111111111111:user/*", Principal{}},
		{"arn:aws:iam::111111111111:user/", Principal{}},
		{"arn:aws:iam::1:root", Principal{}},
		{"arn:aws:iam:us-east-1:111111111111:root", Principal{}},
		{"arn:aws:sts::111111111111:assumed-role/worker", Principal{}},
		{"arn:aws:sqs::111111111111:root", Principal{}},
		{"alice", Principal{}},
		{accountA, Principal{}},
	} {
		got, err := ParsePrincipal(tc.in, "id")
		if tc.want == (Principal{}) {
			if err == nil {
				t.Errorf("%s: %+v", tc.in, got)
			}
			continue
		}
		if tc.want.Kind != Service {
			tc.want.ARN, tc.want.UserID = tc.in, "id"
		}
		if err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v", tc.in, got, err)
		}
	}
	if p, err := ParsePrincipal("", ""); err != nil || p != (Principal{}) || p.Kind != Anonymous {
		t.Errorf("nobody: %+v, %v", p, err)
	}
}
