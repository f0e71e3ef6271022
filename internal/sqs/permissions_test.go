package sqs

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

const testQueueARN = "arn:aws:sqs:us-east-1:000000000000:q"

// Actions that a permission can name, and those that only the owner of a queue can use (reference/sqs.md 4.16).
var (
	grantableActions = []string{
		"*", "SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility",
		"GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue",
	}
	ownerActions = []string{
		"AddPermission", "RemovePermission", "CreateQueue", "DeleteQueue", "ListQueues", "ListQueueTags", "SetQueueAttributes",
		"TagQueue", "UntagQueue", "StartMessageMoveTask", "CancelMessageMoveTask", "ListMessageMoveTasks",
	}
)

func permit(label string, accounts, actions []string) func(*harness) error {
	return func(h *harness) error {
		return h.AddPermission(h.t.Context(), h.caller, &api.AddPermissionInput{QueueUrl: "q", Label: &label, AWSAccountIds: accounts, Actions: actions})
	}
}

func revoke(label string) func(*harness) error {
	return func(h *harness) error {
		return h.RemovePermission(h.t.Context(), h.caller, &api.RemovePermissionInput{QueueUrl: "q", Label: &label})
	}
}

// reference/sqs.md 11.5.
func TestAddPermissionMakesAPolicy(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create("q")
		mustDo := func(do func(*harness) error) {
			t.Helper()
			if err := do(h); err != nil {
				t.Fatal(err)
			}
		}
		check := func(step, want string) {
			t.Helper()
			if got := h.get("q", "Policy")["Policy"]; got != want {
				t.Errorf("%s:\n%s\nwant\n%s", step, got, want)
			}
		}
		const (
			head   = `{"Version":"2008-10-17","Id":"` + testQueueARN + `/SQSDefaultPolicy","Statement":[`
			first  = `{"Sid":"L","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"SQS:ReceiveMessage","Resource":"` + testQueueARN + `"}`
			second = `{"Sid":"M","Effect":"Allow","Principal":{"AWS":["arn:aws:iam::222222222222:root","arn:aws:iam::111111111111:root"]},"Action":["SQS:SendMessage","SQS:PurgeQueue"],"Resource":"` + testQueueARN + `"}`
			third  = `{"Sid":"N","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"SQS:*","Resource":"` + testQueueARN + `"}`
		)
		one := []string{"111111111111"}
		mustDo(permit("L", one, []string{"ReceiveMessage"}))
		check("one", head+first+"]}")
		mustDo(permit("L", one, []string{"ReceiveMessage"}))
		check("the same again", head+first+"]}")
		checkError(t, "the label again", permit("L", one, []string{"SendMessage"})(h), api.InvalidParameterValue, "Value L for parameter Label is invalid. Reason: Already exists.")
		mustDo(permit("M", []string{"222222222222", "111111111111", "222222222222"}, []string{"SendMessage", "PurgeQueue", "SendMessage"}))
		check("lists", head+first+","+second+"]}")
		mustDo(revoke("L"))
		mustDo(permit("N", one, []string{"*"}))
		check("without the first", head+second+","+third+"]}")
		mustDo(revoke("M"))
		mustDo(revoke("N"))
		if _, ok := h.get("q", "All")["Policy"]; ok {
			t.Error("the policy is there without statements")
		}
	})
}

func TestAddPermissionKeepsTheUsersPolicy(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		own := `{"Sid" : "Own","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
		h.create("q", "Policy", `{"Version":"2012-10-17","Id":"mine","Statement":`+own+`}`)
		if err := permit("L", []string{"111111111111"}, []string{"SendMessage"})(h); err != nil {
			t.Fatal(err)
		}
		want := `{"Version":"2012-10-17","Id":"mine","Statement":[` + strings.Replace(own, `"Sid" : `, `"Sid":`, 1) +
			`,{"Sid":"L","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"SQS:SendMessage","Resource":"` + testQueueARN + `"}]}`
		if got := h.get("q", "Policy")["Policy"]; got != want {
			t.Errorf("policy\n%s\nwant\n%s", got, want)
		}
	})
}

func TestPermissionErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create("q")
		one, send := []string{"111111111111"}, []string{"SendMessage"}
		add := func(edit func(*api.AddPermissionInput)) func(*harness) error {
			return func(h *harness) error {
				in := &api.AddPermissionInput{QueueUrl: "q", Label: new("L"), AWSAccountIds: one, Actions: send}
				edit(in)
				return h.AddPermission(t.Context(), h.caller, in)
			}
		}
		const ownerOnly = "Value SQS:%s for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action."
		const notListed = "Value SQS:%s for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL for a list of valid actions."
		cases := []errorCase{
			{"unknown queue", add(func(in *api.AddPermissionInput) { in.QueueUrl = "nowhere" }), api.QueueDoesNotExist, ""},
			{"no label", add(func(in *api.AddPermissionInput) { in.Label = nil }), api.MissingParameter, "The request must contain the parameter Label."},
			{"no accounts", add(func(in *api.AddPermissionInput) { in.AWSAccountIds = nil }), api.MissingParameter, "The request must contain the parameter AWSAccountIds."},
			{"no actions", add(func(in *api.AddPermissionInput) { in.Actions = nil }), api.MissingParameter, "The request must contain the parameter Actions."},
			{"bad label", permit("a b", one, send), api.InvalidParameterValue, "Value a b for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."},
			{"long label", permit(strings.Repeat("a", 81), one, send), api.InvalidParameterValue, "Value " + strings.Repeat("a", 81) + " for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."},
			{"unknown account", permit("L", []string{"111111111111", "x"}, send), api.InvalidParameterValue, "Value [111111111111, x] for parameter PrincipalId is invalid. Reason: Unable to verify."},
			{"eight actions", permit("L", one, make([]string, 8)), api.OverLimit, "8 Actions were found, maximum allowed is 7."},
			{"batch action", permit("L", one, []string{"SendMessageBatch"}), api.InvalidParameterValue, fmt.Sprintf(notListed, "SendMessageBatch")},
			{"unknown action", permit("L", one, []string{"Send*"}), api.InvalidParameterValue, fmt.Sprintf(notListed, "Send*")},
			{"remove without label", func(h *harness) error {
				return h.RemovePermission(t.Context(), h.caller, &api.RemovePermissionInput{QueueUrl: "q"})
			}, api.MissingParameter, "The request must contain the parameter Label."},
			{"remove from an unknown queue", func(h *harness) error {
				return h.RemovePermission(t.Context(), h.caller, &api.RemovePermissionInput{QueueUrl: "nowhere", Label: new("L")})
			}, api.QueueDoesNotExist, ""},
			{"remove without policy", revoke("L"), api.InvalidParameterValue, "Value L for parameter Label is invalid. Reason: can't find label."},
		}
		for _, action := range ownerActions {
			cases = append(cases, errorCase{action, permit("L", one, []string{action}), api.InvalidParameterValue, fmt.Sprintf(ownerOnly, action)})
		}
		checkErrors(t, h, cases)
		for i := range 20 {
			if err := permit(fmt.Sprint("L", i), one, grantableActions[i%3:][:7])(h); err != nil {
				t.Fatal(err)
			}
		}
		checkErrors(t, h, []errorCase{
			{"21 statements", permit("L20", one, send), api.OverLimit, "21 Statements were found, maximum allowed is 20."},
			{"unknown label", revoke("L20"), api.InvalidParameterValue, "Value L20 for parameter Label is invalid. Reason: can't find label."},
		})
	})
}

// The answer does not say which name of a policy is missing; the log does.
func TestLogOfAMissingPrincipal(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.options.Exists = func(_ *catalog.Identities, arn string) bool { return arn == rootARN(testAccount) }
		log := h.logged(slog.LevelInfo)
		h.create("q")
		policy := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:user/b","arn:aws:iam::000000000000:user/a"]},` +
			`"Action":"sqs:SendMessage","Resource":"` + testQueueARN + `"}}`
		checkError(t, "set", setWith("q", "Policy", policy)(h), api.InvalidAttributeValue, "Invalid value for the parameter Policy.")
		want := `msg="a queue policy names a user or role who is not there" queue=q account=000000000000 principal=arn:aws:iam::000000000000:user/a`
		if !strings.Contains(log.String(), want) {
			t.Errorf("log: %s", log)
		}
	})
}

func TestPolicyValidation(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create("q")
		const good = `{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"` + testQueueARN + `"}`
		whole := func(statements string) string { return `{"Version":"2012-10-17","Statement":` + statements + `}` }
		with := func(old, new string) string { return whole(strings.Replace(good, old, new, 1)) }
		many := func(n int, of string) string { return "[" + strings.TrimSuffix(strings.Repeat(of+",", n), ",") + "]" }
		accept := map[string]string{
			"one statement":       whole(good),
			"a list":              whole("[" + good + "]"),
			"2008":                strings.Replace(whole(good), "2012-10-17", "2008-10-17", 1),
			"an Id":               `{"Version":"2012-10-17","Id":"x","Statement":` + good + `}`,
			"every resource":      with(testQueueARN, "*"),
			"a pattern":           with(testQueueARN, "arn:aws:sqs:*:*:q"),
			"several resources":   with(`"`+testQueueARN+`"`, `["arn:aws:sqs:us-east-1:000000000000:other","`+testQueueARN+`"]`),
			"actions in any case": with("sqs:SendMessage", "SQS:send*"),
			"every action":        with("sqs:SendMessage", "*"),
			"NotAction":           with("Action", "NotAction"),
			"NotPrincipal":        with(`Allow","Principal":"*"`, `Deny","NotPrincipal":{"AWS":"111111111111"}`),
			"a variable":          with(testQueueARN, "arn:aws:sqs:*:*:${aws:username}"),
			"a service":           with(`"*"`, `{"Service":"sns.amazonaws.com"}`),
			"everybody by AWS":    with(`"*"`, `{"AWS":["*"]}`),
			"a condition":         with(`"Effect"`, `"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:000000000000:t"}},"Effect"`),
			"20 statements":       whole(many(20, good)),
		}
		for name, policy := range accept {
			if err := setWith("q", "Policy", policy)(h); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if got := h.get("q", "Policy")["Policy"]; got != policy {
				t.Errorf("%s: reads %s", name, got)
			}
		}
		refuse := map[string]string{
			"not JSON":                 "x",
			"a list at the top":        "[]",
			"no version":               `{"Statement":` + good + `}`,
			"another version":          strings.Replace(whole(good), "2012", "2013", 1),
			"unknown member":           `{"Version":"2012-10-17","Colour":"red","Statement":` + good + `}`,
			"Id is a number":           `{"Version":"2012-10-17","Id":1,"Statement":` + good + `}`,
			"no statement":             `{"Version":"2012-10-17"}`,
			"empty statements":         whole("[]"),
			"statement is text":        whole(`"x"`),
			"unknown statement member": with(`"Effect"`, `"Colour":"red","Effect"`),
			"no effect":                with(`"Effect":"Allow",`, ""),
			"another effect":           with("Allow", "allow"),
			"no principal":             with(`"Principal":"*",`, ""),
			"two principals":           with(`"Principal":"*"`, `"Principal":"*","NotPrincipal":{"AWS":"*"}`),
			"principal by name":        with(`"*"`, `"someone"`),
			"unknown principal kind":   with(`"*"`, `{"Person":"x"}`),
			"empty principal":          with(`"*"`, `{"AWS":""}`),
			"no principals":            with(`"*"`, `{}`),
			"no action":                with(`"Action":"sqs:SendMessage",`, ""),
			"both actions":             with(`"Action"`, `"NotAction":"sqs:x","Action"`),
			"action elsewhere":         with("sqs:SendMessage", "sns:Publish"),
			"no resource":              with(`,"Resource":"`+testQueueARN+`"`, ""),
			"another queue":            with(testQueueARN, "arn:aws:sqs:us-east-1:000000000000:other"),
			"8,193 bytes":              whole(good) + strings.Repeat(" ", 8193-len(whole(good))),
			"NotPrincipal with Allow":  with(`Principal":"*"`, `NotPrincipal":{"AWS":"111111111111"}`),
			"two with one Sid":         whole(many(2, strings.Replace(good, `"Effect"`, `"Sid":"x","Effect"`, 1))),
			"unknown operator":         with(`"Effect"`, `"Condition":{"StringIs":{"aws:username":"x"}},"Effect"`),
			"no such value":            with(`"Effect"`, `"Condition":{"IpAddress":{"aws:SourceIp":"home"}},"Effect"`),
			"condition is text":        with(`"Effect"`, `"Condition":"x","Effect"`),
		}
		for name, policy := range refuse {
			checkError(t, name, setWith("q", "Policy", policy)(h), api.InvalidAttributeValue, "Invalid value for the parameter Policy.")
		}
		fifty := strings.Trim(many(50, `"*"`), "[]")
		conditions := ""
		for i := range 11 {
			conditions += fmt.Sprintf(`"k%d":"v",`, i)
		}
		checkErrors(t, h, []errorCase{
			{"21 statements", setWith("q", "Policy", whole(many(21, good))), api.OverLimit, "21 statements were found in the submitted policy, max allowed is 20"},
			{"8 actions", setWith("q", "Policy", with(`"sqs:SendMessage"`, many(8, `"sqs:SendMessage"`))), api.OverLimit, "8 Actions were found, maximum allowed is 7."},
			{"51 principals", setWith("q", "Policy", with(`"*"`, `{"AWS":[`+fifty+`,"111111111111"]}`)), api.OverLimit, "51 Principals were found, maximum allowed is 50."},
			{"11 conditions", setWith("q", "Policy", with(`"Effect"`, `"Condition":{"StringEquals":{`+strings.TrimSuffix(conditions, ",")+`}},"Effect"`)), api.OverLimit, "11 Conditions were found, maximum allowed is 10."},
		})
		h.set("q", "Policy", "")
		if _, ok := h.get("q", "All")["Policy"]; ok {
			t.Error("the policy is there after it was removed")
		}
	})
}
