package access

import (
	"fmt"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// inputs has an input about a queue for each action.
func inputs(url, name, account string) map[string]func() any {
	arn := queueARN(account, name)
	handle := "eyJ0YXNrSWQiOiJ4Iiwic291cmNlQXJuIjoiYXJuOmF3czpzcXM6dXMtZWFzdC0xOjExMTExMTExMTExMTpkZWFkIn0=" // of arn:...:111111111111:dead
	return map[string]func() any{
		"AddPermission": func() any {
			return &api.AddPermissionInput{QueueUrl: url, Label: new("L"), AWSAccountIds: []string{accountB}, Actions: []string{"SendMessage"}}
		},
		"CancelMessageMoveTask":        func() any { return &api.CancelMessageMoveTaskInput{TaskHandle: &handle} },
		"ChangeMessageVisibility":      func() any { return &api.ChangeMessageVisibilityInput{QueueUrl: url} },
		"ChangeMessageVisibilityBatch": func() any { return &api.ChangeMessageVisibilityBatchInput{QueueUrl: url} },
		"CreateQueue":                  func() any { return &api.CreateQueueInput{QueueName: &name} },
		"DeleteMessage":                func() any { return &api.DeleteMessageInput{QueueUrl: url} },
		"DeleteMessageBatch":           func() any { return &api.DeleteMessageBatchInput{QueueUrl: url} },
		"DeleteQueue":                  func() any { return &api.DeleteQueueInput{QueueUrl: url} },
		"GetQueueAttributes":           func() any { return &api.GetQueueAttributesInput{QueueUrl: url} },
		"GetQueueUrl": func() any {
			return &api.GetQueueUrlInput{QueueName: &name, QueueOwnerAWSAccountId: &account}
		},
		"ListDeadLetterSourceQueues": func() any { return &api.ListDeadLetterSourceQueuesInput{QueueUrl: url} },
		"ListMessageMoveTasks":       func() any { return &api.ListMessageMoveTasksInput{SourceArn: &arn} },
		"ListQueueTags":              func() any { return &api.ListQueueTagsInput{QueueUrl: url} },
		"ListQueues":                 func() any { return &api.ListQueuesInput{} },
		"PurgeQueue":                 func() any { return &api.PurgeQueueInput{QueueUrl: url} },
		"ReceiveMessage":             func() any { return &api.ReceiveMessageInput{QueueUrl: url} },
		"RemovePermission":           func() any { return &api.RemovePermissionInput{QueueUrl: url, Label: new("L")} },
		"SendMessage":                func() any { return &api.SendMessageInput{QueueUrl: url, MessageBody: new("x")} },
		"SendMessageBatch":           func() any { return &api.SendMessageBatchInput{QueueUrl: url} },
		"SetQueueAttributes":         func() any { return &api.SetQueueAttributesInput{QueueUrl: url} },
		"StartMessageMoveTask":       func() any { return &api.StartMessageMoveTaskInput{SourceArn: &arn} },
		"TagQueue":                   func() any { return &api.TagQueueInput{QueueUrl: url, Tags: map[string]string{"a": "b"}} },
		"UntagQueue":                 func() any { return &api.UntagQueueInput{QueueUrl: url, TagKeys: []string{"a"}} },
	}
}

// The second table of reference/sqs.md 11.3, row by row: the permission, what it is for, and whether other accounts can have it.
func TestEachActionTakesItsPermission(t *testing.T) {
	const queue, all = "arn:aws:sqs:us-east-1:111111111111:dead", "arn:aws:sqs:us-east-1:111111111111:*"
	rows := map[string]struct {
		permission, resource string
		crossAccount         bool
	}{
		"AddPermission":                {"sqs:AddPermission", queue, false},
		"CancelMessageMoveTask":        {"sqs:CancelMessageMoveTask", queue, false},
		"ChangeMessageVisibility":      {"sqs:ChangeMessageVisibility", queue, true},
		"ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility", queue, true},
		"CreateQueue":                  {"sqs:CreateQueue", queue, false},
		"DeleteMessage":                {"sqs:DeleteMessage", queue, true},
		"DeleteMessageBatch":           {"sqs:DeleteMessage", queue, true},
		"DeleteQueue":                  {"sqs:DeleteQueue", queue, false},
		"GetQueueAttributes":           {"sqs:GetQueueAttributes", queue, true},
		"GetQueueUrl":                  {"sqs:GetQueueUrl", queue, true},
		"ListDeadLetterSourceQueues":   {"sqs:ListDeadLetterSourceQueues", queue, true},
		"ListMessageMoveTasks":         {"sqs:ListMessageMoveTasks", queue, false},
		"ListQueues":                   {"sqs:ListQueues", all, false},
		"ListQueueTags":                {"sqs:ListQueueTags", queue, false},
		"PurgeQueue":                   {"sqs:PurgeQueue", queue, true},
		"ReceiveMessage":               {"sqs:ReceiveMessage", queue, true},
		"RemovePermission":             {"sqs:RemovePermission", queue, false},
		"SendMessage":                  {"sqs:SendMessage", queue, true},
		"SendMessageBatch":             {"sqs:SendMessage", queue, true},
		"SetQueueAttributes":           {"sqs:SetQueueAttributes", queue, false},
		"TagQueue":                     {"sqs:TagQueue", queue, false},
		"UntagQueue":                   {"sqs:UntagQueue", queue, false},
	}
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "dead")
		h.setPolicy("dead", `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`)
		in := inputs(queueURL(accountA, "dead"), "dead", accountA)
		for _, action := range api.Actions {
			if action.Name == "StartMessageMoveTask" { // it has a test of its own
				continue
			}
			row, ok := rows[action.Name]
			if !ok {
				t.Errorf("%s is not in the table", action.Name)
				continue
			}
			authorize := func(principal string) error {
				return h.authorizer.Authorize(t.Context(), callerOf(principal), action, in[action.Name]())
			}
			h.setPolicy("dead", "")
			h.permit(aliceA, `{"Effect":"Allow","Action":"`+row.permission+`","Resource":"`+row.resource+`"}`)
			h.check(action.Name+" with its permission alone", authorize(aliceA), "")
			h.permit(aliceA, `[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"`+row.permission+`","Resource":"`+row.resource+`"}]`)
			h.check(action.Name+" without its permission", authorize(aliceA), denied)
			h.permit(aliceA, `{"Effect":"Allow","Action":"*","Resource":"arn:aws:sqs:us-east-1:111111111111:other"}`)
			h.check(action.Name+" of another queue", authorize(aliceA), denied)

			h.setPolicy("dead", `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`)
			h.permit(aliceB, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
			switch action.Name {
			case "CreateQueue", "ListQueues": // they are always about the caller's own account
				h.check(action.Name+" from another account", authorize(aliceB), "")
				h.check(action.Name+" by nobody", authorize(""), denied)
				continue
			}
			want := denied
			if row.crossAccount {
				want = ""
			}
			h.check(action.Name+" from another account", authorize(aliceB), want)
			h.check(action.Name+" by nobody", authorize(""), want)
			h.setPolicy("dead", "")
			if want = denied; action.Name == "GetQueueUrl" {
				want = notThere
			}
			h.check(action.Name+" from another account, without a policy", authorize(aliceB), want)
		}
	})
}

// reference/sqs.md 9.5.
func TestMoveTasksTakeSeveralPermissions(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "dead")
		h.create(accountA, "target")
		for _, name := range []string{"one", "two"} {
			h.create(accountA, name, "RedrivePolicy", `{"deadLetterTargetArn":"`+queueARN(accountA, "dead")+`","maxReceiveCount":"1"}`)
		}
		source := []string{"StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"}
		for _, destination := range []string{"", "target"} {
			in := &api.StartMessageMoveTaskInput{SourceArn: new(queueARN(accountA, "dead"))}
			needed := [][2]string{{"SendMessage", "one"}, {"SendMessage", "two"}}
			if destination != "" {
				in.DestinationArn = new(queueARN(accountA, destination))
				needed = [][2]string{{"SendMessage", "target"}}
			}
			for _, action := range source {
				needed = append(needed, [2]string{action, "dead"})
			}
			for without := -1; without < len(needed); without++ {
				var statements []string
				for i, need := range needed {
					if i != without {
						statements = append(statements, fmt.Sprintf(`{"Effect":"Allow","Action":"sqs:%s","Resource":"%s"}`, need[0], queueARN(accountA, need[1])))
					}
				}
				h.permit(aliceA, "["+strings.Join(statements, ",")+"]")
				err := h.authorizer.Authorize(t.Context(), callerOf(aliceA), api.ActionNamed("StartMessageMoveTask"), in)
				if without < 0 {
					h.check("with all permissions", err, "")
					continue
				}
				missing := needed[without]
				h.check(fmt.Sprintf("to %q without %v", destination, missing), err, denied)
				want := fmt.Sprintf("sqs:%s on resource: %s", strings.ToLower(missing[0]), queueARN(accountA, missing[1]))
				if err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("without %v: %v", missing, err)
				}
			}
		}
	})
}

// A move task is for the account of the queue alone, whatever the queue's policy says (reference/sqs.md 11.3).
func TestMoveTasksAreForTheOwnerAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "dead")
		h.create(accountB, "target")
		h.setPolicy("dead", `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`)
		h.permit(aliceA, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
		h.permit(aliceB, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
		for _, destination := range []*string{nil, new(queueARN(accountB, "target"))} {
			in := &api.StartMessageMoveTaskInput{SourceArn: new(queueARN(accountA, "dead")), DestinationArn: destination}
			for _, principal := range []string{aliceB, rootB, ""} {
				h.check("started by "+principal, h.authorizer.Authorize(t.Context(), callerOf(principal), api.ActionNamed("StartMessageMoveTask"), in), denied)
			}
		}
		in := &api.StartMessageMoveTaskInput{SourceArn: new(queueARN(accountA, "dead"))}
		h.check("started by a user of the owner", h.authorizer.Authorize(t.Context(), callerOf(aliceA), api.ActionNamed("StartMessageMoveTask"), in), "")
	})
}

// ListQueues is allowed for all queues or not at all: neither names in a policy nor the prefix of a request make a difference.
func TestListQueuesKnowsNoPrefixes(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "dev-1")
		list := func(prefix string) error {
			_, err := h.call(callerOf(aliceA), "ListQueues", &api.ListQueuesInput{QueueNamePrefix: prefix})
			return err
		}
		for _, name := range []string{"dev-*", "dev-1"} {
			h.permit(aliceA, `{"Effect":"Allow","Action":"sqs:ListQueues","Resource":"`+queueARN(accountA, name)+`"}`)
			h.check("allowed for "+name, list("dev-"), denied)
			h.check("allowed for "+name+", without a prefix", list(""), denied)
			h.permit(aliceA, `[{"Effect":"Allow","Action":"sqs:ListQueues","Resource":"*"},{"Effect":"Deny","Action":"sqs:ListQueues","Resource":"`+queueARN(accountA, name)+`"}]`)
			h.check("denied for "+name, list("dev-"), "")
		}
	})
}

// A queue's name that is too long for any queue names none, in whatever way it is given.
func TestLongNamesAreNoQueues(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		long := strings.Repeat("<", 1<<20)
		for _, url := range []string{long, queueURL(accountA, long), queueARN(accountA, long)} {
			for name, in := range inputs(url, long, accountA) {
				action := api.ActionNamed(name)
				for _, principal := range []string{aliceA, aliceB, ""} {
					err := h.authorizer.Authorize(t.Context(), callerOf(principal), action, in())
					if e := api.AsError(err); e == nil || len(e.Denial) > 300 || len(e.Message) > 500 {
						t.Errorf("%s by %q: an error of %d bytes", name, principal, len(fmt.Sprint(err)))
					}
				}
			}
		}
	})
}

func TestCreateQueueWithTagsTakesTagQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.permit(aliceA, `{"Effect":"Allow","Action":"sqs:CreateQueue","Resource":"arn:aws:sqs:*:*:dev-*"}`)
		create := func(name string, tags map[string]string) error {
			_, err := h.call(callerOf(aliceA), "CreateQueue", &api.CreateQueueInput{QueueName: &name, Tags: tags})
			return err
		}
		h.check("without tags", create("dev-1", nil), "")
		h.check("another name", create("prod-1", nil), denied)
		h.check("no name", create("", nil), denied)
		h.check("with tags", create("dev-2", map[string]string{"team": "blue"}), denied)
		h.permit(aliceA, `[{"Effect":"Allow","Action":"sqs:CreateQueue","Resource":"*"},{"Effect":"Allow","Action":"sqs:TagQueue","Resource":"*",
			"Condition":{"StringEquals":{"aws:RequestTag/team":"blue"},"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost"]}}}]`)
		h.check("with TagQueue", create("dev-2", map[string]string{"team": "blue", "cost": "1"}), "")
		h.check("another value", create("dev-3", map[string]string{"team": "red"}), denied)
		h.check("another key", create("dev-3", map[string]string{"team": "blue", "x": "y"}), denied)
	})
}

// A caller of one account uses another's queue as its policy says, by the queue's URL and by name and owner.
func TestAnotherAccountsQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "orders")
		h.create(accountB, "orders")
		url := queueURL(accountA, "orders")
		send := func(principal, url string) error {
			_, err := h.call(callerOf(principal), "SendMessage", &api.SendMessageInput{QueueUrl: url, MessageBody: new("from " + principal)})
			return err
		}
		find := func(principal string) error {
			out, err := h.call(callerOf(principal), "GetQueueUrl", &api.GetQueueUrlInput{QueueName: new("orders"), QueueOwnerAWSAccountId: new(accountA)})
			if err == nil && out.(*api.GetQueueUrlOutput).QueueUrl != url {
				t.Errorf("%v", out)
			}
			return err
		}
		h.check("root B, before", send(rootB, url), denied)
		h.must(rootA, "AddPermission", &api.AddPermissionInput{QueueUrl: url, Label: new("b"), AWSAccountIds: []string{accountB}, Actions: []string{"SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueUrl"}})
		h.check("root B finds it", find(rootB), "")
		h.check("root B sends", send(rootB, url), "")
		h.check("root B purges", func() error {
			_, err := h.call(callerOf(rootB), "PurgeQueue", &api.PurgeQueueInput{QueueUrl: url})
			return err
		}(), denied)
		h.check("root B by the bare name: its own queue", send(rootB, "orders"), "")
		h.check("a user of B without a policy", send(aliceB, url), denied)
		h.permit(aliceB, `{"Effect":"Allow","Action":["sqs:SendMessage","sqs:GetQueueUrl"],"Resource":"`+queueARN(accountA, "orders")+`"}`)
		h.check("a user of B", send(aliceB, url), "")
		h.check("a user of B finds it", find(aliceB), "")
		h.check("a user of B sends to B's own queue", send(aliceB, "orders"), denied)
		h.check("a user of A without a policy", send(aliceA, url), denied)

		out := h.must(rootB, "ReceiveMessage", &api.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: new(int64(10))}).(*api.ReceiveMessageOutput)
		if len(out.Messages) != 2 || out.Messages[0].Body != "from "+rootB || out.Messages[1].Body != "from "+aliceB {
			t.Errorf("%+v", out.Messages)
		}
		for _, m := range out.Messages {
			h.must(rootB, "DeleteMessage", &api.DeleteMessageInput{QueueUrl: url, ReceiptHandle: &m.ReceiptHandle})
		}
		h.must(rootA, "RemovePermission", &api.RemovePermissionInput{QueueUrl: url, Label: new("b")})
		h.check("root B, after", send(rootB, url), denied)
	})
}

func TestAnonymousCallers(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "open")
		send := func(url string) error {
			_, err := h.call(callerOf(""), "SendMessage", &api.SendMessageInput{QueueUrl: url, MessageBody: new("x")})
			return err
		}
		url := queueURL(accountA, "open")
		h.check("without a policy", send(url), denied)
		h.setPolicy("open", `{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"},"Bool":{"aws:SecureTransport":"true"}}}`)
		h.check("with a policy", send(url), "")
		for name, err := range map[string]error{"no queue": send(""), "an unknown queue": send(queueURL(accountA, "none")), "ListQueues": func() error {
			_, err := h.call(callerOf(""), "ListQueues", &api.ListQueuesInput{})
			return err
		}()} {
			h.check(name, err, denied)
			if e := api.AsError(err); e != nil && e.Message != "Access to the resource http://localhost:9324/ is denied." {
				t.Errorf("%s: %s", name, e.Message)
			}
		}
		c := callerOf("")
		c.SecureTransport = false
		_, err := h.call(c, "SendMessage", &api.SendMessageInput{QueueUrl: url, MessageBody: new("x")})
		h.check("over plain HTTP", err, denied)
		c = callerOf("")
		c.SourceIP = "198.51.100.1"
		_, err = h.call(c, "SendMessage", &api.SendMessageInput{QueueUrl: url, MessageBody: new("x")})
		h.check("from elsewhere", err, denied)
	})
}

// reference/sqs.md 2.2: an unknown queue of one's own account does not exist; of other accounts nobody learns which there are.
func TestUnknownQueues(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "there")
		send := func(principal, url string) error {
			_, err := h.call(callerOf(principal), "SendMessage", &api.SendMessageInput{QueueUrl: url, MessageBody: new("x")})
			return err
		}
		find := func(principal, account, name string) error {
			_, err := h.call(callerOf(principal), "GetQueueUrl", &api.GetQueueUrlInput{QueueName: &name, QueueOwnerAWSAccountId: &account})
			return err
		}
		h.check("own, there", send(aliceA, queueURL(accountA, "there")), denied)
		h.check("own, unknown", send(aliceA, queueURL(accountA, "none")), notThere)
		h.check("own, by name, there", find(aliceA, accountA, "there"), denied)
		h.check("own, by name, unknown", find(aliceA, accountA, "none"), notThere)
		h.check("no queue", send(aliceA, "http://x"), notThere)
		for _, policy := range []string{"", `{"Effect":"Allow","Action":"*","Resource":"*"}`} {
			h.permit(aliceB, policy)
			there, none := send(aliceB, queueURL(accountA, "there")), send(aliceB, queueURL(accountA, "none"))
			h.check("foreign, there", there, denied)
			if strings.Replace(there.Error(), "there", "none", 1) != none.Error() {
				t.Errorf("%v\n%v", there, none)
			}
			h.check("foreign, by name, there", find(aliceB, accountA, "there"), notThere)
			h.check("foreign, by name, unknown", find(aliceB, accountA, "none"), notThere)
		}
	})
}

func TestDeniedRequestsAreExplained(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "orders")
		h.permit(aliceA, `{"Sid":"Senders","Effect":"Allow","Action":"sqs:Send*","Resource":"*"}`)
		h.setPolicy("orders", `[{"Sid":"Here","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]`)
		_, err := h.call(callerOf(aliceA), "SendMessageBatch", &api.SendMessageBatchInput{QueueUrl: "orders"})
		const want = "AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: sqs:sendmessage on resource: arn:aws:sqs:us-east-1:111111111111:orders with an explicit deny in a resource-based policy"
		if err == nil || err.Error() != want {
			t.Errorf("%v", err)
		}
		const reason = "sqs:sendmessage on arn:aws:sqs:us-east-1:111111111111:orders: the resource policy denies it: policy of arn:aws:sqs:us-east-1:111111111111:orders, statement 0 (Here)"
		if e := api.AsError(err); e == nil || e.Denial != reason {
			t.Errorf("%+v", e)
		}
	})
}

func TestTagsOfTheQueueCount(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "orders")
		h.permit(aliceA, `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}`)
		purge := func() error {
			_, err := h.call(callerOf(aliceA), "PurgeQueue", &api.PurgeQueueInput{QueueUrl: "orders"})
			return err
		}
		h.check("without the tag", purge(), denied)
		h.must(rootA, "TagQueue", &api.TagQueueInput{QueueUrl: "orders", Tags: map[string]string{"team": "blue"}})
		h.check("with the tag", purge(), "")
		h.must(rootA, "UntagQueue", &api.UntagQueueInput{QueueUrl: "orders", TagKeys: []string{"team"}})
		h.check("after it was removed", purge(), denied)
	})
}

func TestSessionPolicyNarrows(t *testing.T) {
	const session = "arn:aws:sts::" + accountA + ":assumed-role/worker/one"
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "orders")
		h.permit(session, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
		c := callerOf(session)
		send := func() error {
			_, err := h.call(c, "SendMessage", &api.SendMessageInput{QueueUrl: "orders", MessageBody: new("x")})
			return err
		}
		h.check("the role", send(), "")
		c.Principal.SessionPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*"}}`
		h.check("narrowed", send(), denied)
		c.Principal.SessionPolicy = strings.Replace(c.Principal.SessionPolicy, "Receive", "Send", 1)
		h.check("narrowed to this", send(), "")
		c.Principal.SessionPolicy = "broken"
		h.check("not readable", send(), denied)
		c.Principal.SessionPolicy = ""
		c.Principal.ARN = "nobody"
		if err := send(); err == nil || api.AsError(err) != nil {
			t.Errorf("a principal that cannot be: %v", err)
		}
	})
}

func TestMayAssume(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		role := Role{
			ARN: "arn:aws:iam::" + accountA + ":role/worker", Account: accountA,
			TrustPolicy: `{"Version":"2012-10-17","Statement":{"Sid":"B","Effect":"Allow","Principal":{"AWS":"` + accountB + `"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}}`,
		}
		may := func(id string) error {
			return h.authorizer.MayAssume(callerOf(aliceB), role, map[string]string{"sts:ExternalId": id})
		}
		if may("x") == nil {
			t.Error("without a policy")
		}
		h.permit(aliceB, `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"`+role.ARN+`"}`)
		if err := may("x"); err != nil {
			t.Errorf("with a policy: %v", err)
		}
		if err := may("y"); err == nil || err.Error() != "sts:assumerole on "+role.ARN+": no resource policy allows it" {
			t.Errorf("with another external ID: %v", err)
		}
		role.TrustPolicy = "{}"
		if err := may("x"); err == nil || !strings.Contains(err.Error(), "cannot be read") || !strings.Contains(h.log.String(), "cannot be read") {
			t.Errorf("with a trust policy that cannot be read: %v", err)
		}
	})
}

// A policy that an older version let pass and that cannot be read now must not let anybody in.
func TestUnreadableQueuePolicyDenies(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "orders")
		err := h.catalog.Update(t.Context(), func(v *catalog.View) (catalog.Change, error) {
			q := v.Lookup(catalog.Key{Account: accountA, Region: region, Name: "orders"})
			attributes := q.Attributes
			attributes.Policy = `{"Version":"2012-10-17","Statement":{"Effect":"Permit"}}`
			return catalog.SetAttributes{ID: q.ID, Attributes: attributes}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		h.permit(aliceA, `{"Effect":"Allow","Action":"*","Resource":"*"}`)
		_, err = h.call(callerOf(aliceA), "PurgeQueue", &api.PurgeQueueInput{QueueUrl: "orders"})
		h.check("a user", err, denied)
		if !strings.Contains(h.log.String(), "cannot be read") {
			t.Errorf("the log: %s", h.log)
		}
		h.setPolicy("orders", "")
		h.must(aliceA, "PurgeQueue", &api.PurgeQueueInput{QueueUrl: "orders"})
	})
}

func TestPoliciesOfQueuesThatAreGoneAreForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "orders")
		send := &api.SendMessageInput{QueueUrl: "orders", MessageBody: new("x")}
		for i := range 2*sweptMin + 10 { // each tag makes another version of the queue
			h.must(rootA, "TagQueue", &api.TagQueueInput{QueueUrl: "orders", Tags: map[string]string{"n": fmt.Sprint(i)}})
			if err := h.authorizer.Authorize(t.Context(), callerOf(rootA), api.ActionNamed("SendMessage"), send); err != nil {
				t.Fatal(err)
			}
		}
		n := int64(0)
		h.authorizer.queues.byQueue.Range(func(any, any) bool { n++; return true })
		if n > sweptMin+1 || n != h.authorizer.queues.count.Load() {
			t.Errorf("%d are remembered, counted as %d", n, h.authorizer.queues.count.Load())
		}
	})
}

func TestAuthorizeDoesNotAllocate(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create(accountA, "orders")
		h.setPolicy("orders", `{"Effect":"Allow","Principal":{"AWS":"`+accountB+`"},"Action":"sqs:SendMessage","Resource":"*"}`)
		h.permit(aliceA, `{"Effect":"Allow","Action":["sqs:SendMessage","sqs:ReceiveMessage"],"Resource":"arn:aws:sqs:*:*:orders"}`)
		in, c, a := &api.SendMessageInput{QueueUrl: queueURL(accountA, "orders")}, callerOf(aliceA), api.ActionNamed("SendMessage")
		if n := testing.AllocsPerRun(100, func() {
			if err := h.authorizer.Authorize(t.Context(), c, a, in); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

func TestOwnerOnly(t *testing.T) {
	if !OwnerOnly("sqs:deletequeue") || OwnerOnly("sqs:sendmessage") || OwnerOnly("sns:publish") {
		t.Error("OwnerOnly does not follow the table of actions")
	}
	if all := Permissions(); len(all) != 20 { // 23 actions, three of them batches
		t.Errorf("%d permissions: %v", len(all), all)
	}
}
