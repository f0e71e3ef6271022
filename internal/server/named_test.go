package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/staunchmq/staunch/internal/config"
)

// withPrincipal is a policy of the queue q that names a principal.
func withPrincipal(element, principal string) map[string]string {
	return map[string]string{"Policy": `{"Version":"2012-10-17","Statement":{"Effect":"Deny","` + element + `":` + principal +
		`,"Action":"sqs:PurgeQueue","Resource":"arn:aws:sqs:us-east-1:000000000000:*"}}`}
}

// TestPoliciesNameWhoIsThere saves policies on a server whose users and roles are all that there are. What names nobody would mean the next one.
func TestPoliciesNameWhoIsThere(t *testing.T) {
	const account, none = "arn:aws:iam::000000000000:", "Invalid value for the parameter Policy."
	ctx := t.Context()
	data := filepath.Join(t.TempDir(), "data")
	n, admin := startDebugNode(t, data, map[string]string{"auth": "enforce"})
	root := as(n, n.at.RootKeyID, n.at.RootSecret, "")
	created, err := root.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil {
		t.Fatal(err)
	}
	set := func(attributes map[string]string) error {
		_, err := root.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: created.QueueUrl, Attributes: attributes})
		return err
	}
	named := func(name string) map[string]string { return withPrincipal("Principal", `{"AWS":"`+name+`"}`) }

	ann, reader := account+"user/team/ann", account+"role/reader"
	session := "arn:aws:sts::000000000000:assumed-role/reader/s"
	for _, name := range []string{ann, reader, session} {
		if err := set(named(name)); !refused(err, "InvalidAttributeValue", none) {
			t.Errorf("%s, who is not there: %v", name, err)
		}
	}
	if _, err := root.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("new"), Attributes: named(ann)}); !refused(err, "InvalidAttributeValue", none) {
		t.Errorf("a new queue: %v", err)
	}
	if err := set(withPrincipal("NotPrincipal", `{"AWS":["`+account+`root","`+ann+`"]}`)); !refused(err, "InvalidAttributeValue", none) {
		t.Errorf("NotPrincipal: %v", err)
	}

	user := map[string]any{"account": "000000000000", "user": "ann", "path": "/team/"}
	identities(t, data, admin, "create-user", user)
	identities(t, data, admin, "create-role", map[string]any{"account": "000000000000", "role": "reader",
		"trust_policy": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`})
	for _, name := range []string{
		account + "user/ann", account + "user/team/ANN", account + "role/READER", "arn:aws:sts::000000000000:assumed-role/READER/s",
	} {
		if err := set(named(name)); !refused(err, "InvalidAttributeValue", none) {
			t.Errorf("%s, who is there by another path or in other letters: %v", name, err)
		}
	}
	if _, err := root.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("new"), Attributes: named(ann)}); err != nil {
		t.Errorf("a new queue: %v", err)
	}
	for _, name := range []string{
		account + "root", "000000000000", "*", "arn:aws:iam::999999999999:user/nobody", reader, account + "role/path/reader", session, ann,
	} {
		if err := set(named(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := set(withPrincipal("Principal", `{"Service":"sns.amazonaws.com"}`)); err != nil {
		t.Errorf("a service: %v", err)
	}

	if err := set(named(ann)); err != nil {
		t.Fatal(err)
	}
	delete(user, "path")
	identities(t, data, admin, "delete-user", user)
	out, err := root.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: created.QueueUrl, AttributeNames: []types.QueueAttributeName{"Policy"}})
	if err != nil || !strings.Contains(out.Attributes["Policy"], `"AIDA`) {
		t.Fatalf("after the deletion: %+v, %v", out, err)
	}
	if err := set(out.Attributes); err != nil {
		t.Errorf("what was read is not taken: %v", err)
	}
	if err := set(named(ann)); !refused(err, "InvalidAttributeValue", none) {
		t.Errorf("after the deletion: %v", err)
	}

	permit := func(account string) error {
		_, err := root.AddPermission(ctx, &sqs.AddPermissionInput{
			QueueUrl: created.QueueUrl, Label: aws.String("l"), AWSAccountIds: []string{"000000000000", account}, Actions: []string{"SendMessage"},
		})
		return err
	}
	if err := permit("222222222222"); !refused(err, "InvalidParameterValue", "Value [000000000000, 222222222222] for parameter PrincipalId is invalid. Reason: Unable to verify.") {
		t.Errorf("an account that is not there: %v", err)
	}
	identities(t, data, admin, "create-account", map[string]any{"id": "222222222222", "name": "partner"})
	if err := permit("222222222222"); err != nil {
		t.Errorf("an account that is there, and an ID in the policy: %v", err)
	}
}

// TestPoliciesNameUsersOfTheCredentialsFile also has a server that does not ask policies: there nobody knows users and roles.
func TestPoliciesNameUsersOfTheCredentialsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[root]\naws_access_key_id = AKIAROOT\naws_secret_access_key = " + secret + "\n" +
		"[sender]\naws_access_key_id = AKIASENDER\naws_secret_access_key = " + secret + "\nuser = sender\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, auth := range []string{"verify", "enforce"} {
		t.Run(auth, func(t *testing.T) {
			n, err := startNodeWith(t, config.Sources{Flags: map[string]string{"journal": "memory", "auth": auth, "credentials-file": file}})
			if err != nil {
				t.Fatal(err)
			}
			for user, there := range map[string]bool{"sender": true, "nobody": false} {
				_, err := as(n, "AKIAROOT", secret, "").CreateQueue(t.Context(), &sqs.CreateQueueInput{
					QueueName: aws.String(user), Attributes: withPrincipal("Principal", `{"AWS":"arn:aws:iam::000000000000:user/`+user+`"}`),
				})
				if (err == nil) != (there || auth == "verify") {
					t.Errorf("%s: %v", user, err)
				}
			}
			if err := n.close(); err != nil {
				t.Error(err)
			}
		})
	}
}
