package gosdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestCreateIsIdempotentAndTheURLIsFoundByName(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "create", "DelaySeconds", "5")
	if !strings.HasSuffix(*q.url, "/"+q.name) {
		t.Errorf("URL %s does not end with the name", *q.url)
	}
	again, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &q.name})
	succeed(t, err)
	found, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &q.name})
	succeed(t, err)
	if *again.QueueUrl != *q.url || *found.QueueUrl != *q.url {
		t.Errorf("URLs differ: %s, %s, %s", *q.url, *again.QueueUrl, *found.QueueUrl)
	}
	_, err = client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: &q.name, Attributes: map[string]string{"DelaySeconds": "6"},
	})
	refuseAs[*types.QueueNameExists](t, err, "QueueAlreadyExists", 400,
		"A queue already exists with the same name and a different value for attribute DelaySeconds")
	account := strings.Split(*q.url, "/")[3]
	if want := "arn:aws:sqs:" + environment("AWS_REGION", "us-east-1") + ":" + account + ":" + q.name; q.arn() != want {
		t.Errorf("ARN %s, want %s", q.arn(), want)
	}
}

func TestListQueuesIsPaged(t *testing.T) {
	t.Parallel()
	prefix := uniqueName("paged")
	var want, got []string
	for i := range 3 {
		made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(fmt.Sprint(prefix, "-", i))})
		succeed(t, err)
		want = append(want, *made.QueueUrl)
	}
	pages := sqs.NewListQueuesPaginator(client, &sqs.ListQueuesInput{QueueNamePrefix: &prefix, MaxResults: aws.Int32(2)})
	count := 0
	for ; pages.HasMorePages(); count++ {
		page, err := pages.NextPage(t.Context())
		succeed(t, err)
		got = append(got, page.QueueUrls...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || count != 2 {
		t.Errorf("%v in %d pages, want %v in 2", got, count, want)
	}
	for i := range want {
		_, err := client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &want[i]})
		succeed(t, err)
	}
}

func TestNewQueueHasTheDefaultAttributes(t *testing.T) {
	t.Parallel()
	standard := map[string]string{
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0",
		"ApproximateNumberOfMessagesNotVisible": "0", "DelaySeconds": "0", "MaximumMessageSize": "1048576",
		"MessageRetentionPeriod": "345600", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
		"VisibilityTimeout": "30",
	}
	fifo := maps.Clone(standard)
	maps.Copy(fifo, map[string]string{
		"FifoQueue": "true", "ContentBasedDeduplication": "false", "DeduplicationScope": "queue",
		"FifoThroughputLimit": "perQueue",
	})
	cases := []struct {
		purpose string
		create  []string
		want    map[string]string
	}{
		{"standard", nil, standard},
		{"fifo", []string{"FifoQueue", "true"}, fifo},
	}
	for _, c := range cases {
		got := newQueue(t, c.purpose, c.create...).attributes()
		for _, name := range []string{"QueueArn", "CreatedTimestamp", "LastModifiedTimestamp"} {
			if got[name] == "" {
				t.Errorf("%s: no %s", c.purpose, name)
			}
			delete(got, name)
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: attributes %v, want %v", c.purpose, got, c.want)
		}
	}
}

func TestAttributesAreSetAndChecked(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "attributes")
	succeed(t, q.set("VisibilityTimeout", "43200", "MaximumMessageSize", "1024"))
	got := q.attributes("VisibilityTimeout", "MaximumMessageSize", "Policy")
	if want := map[string]string{"VisibilityTimeout": "43200", "MaximumMessageSize": "1024"}; !maps.Equal(got, want) {
		t.Errorf("attributes %v, want %v", got, want)
	}
	refuseAs[*types.InvalidAttributeValue](t, q.set("VisibilityTimeout", "43201"), "InvalidAttributeValue", 400, "")
	refuseAs[*types.InvalidAttributeName](t, q.set("QueueArn", "x"), "InvalidAttributeName", 400, "Unknown Attribute QueueArn.")
	_, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: q.url, AttributeNames: []types.QueueAttributeName{"Nonsense"},
	})
	refuseAs[*types.InvalidAttributeName](t, err, "InvalidAttributeName", 400, "Unknown Attribute Nonsense.")
	none, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q.url})
	succeed(t, err)
	if len(none.Attributes) != 0 {
		t.Errorf("attributes nobody asked for: %v", none.Attributes)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	name := uniqueName("tags")
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Tags: map[string]string{"a": "1"}})
	succeed(t, err)
	_, err = client.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: made.QueueUrl, Tags: map[string]string{"a": "2", "empty": ""}})
	succeed(t, err)
	tags, err := client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: made.QueueUrl})
	succeed(t, err)
	if want := map[string]string{"a": "2", "empty": ""}; !maps.Equal(tags.Tags, want) {
		t.Errorf("tags %v, want %v", tags.Tags, want)
	}
	_, err = client.UntagQueue(t.Context(), &sqs.UntagQueueInput{QueueUrl: made.QueueUrl, TagKeys: []string{"a", "empty", "none"}})
	succeed(t, err)
	tags, err = client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: made.QueueUrl})
	succeed(t, err)
	if len(tags.Tags) != 0 {
		t.Errorf("tags %v, want none", tags.Tags)
	}
	_, err = client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: made.QueueUrl})
	succeed(t, err)
}

func TestPermissionsBecomeAPolicy(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "permission")
	permit := &sqs.AddPermissionInput{
		QueueUrl: q.url, Label: aws.String("one"), AWSAccountIds: []string{"111122223333"}, Actions: []string{"ReceiveMessage"},
	}
	_, err := client.AddPermission(t.Context(), permit)
	succeed(t, err)
	want := fmt.Sprintf(`{"Version":"2008-10-17","Id":"%[1]s/SQSDefaultPolicy","Statement":[{"Sid":"one","Effect":"Allow",`+
		`"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"SQS:ReceiveMessage","Resource":"%[1]s"}]}`, q.arn())
	if got := q.attributes("Policy")["Policy"]; canonical(t, got) != canonical(t, want) {
		t.Errorf("policy %s, want %s", got, want)
	}
	permit.Actions = []string{"SendMessage"}
	_, err = client.AddPermission(t.Context(), permit)
	refuse(t, err, "InvalidParameterValue", 400, "Value one for parameter Label is invalid. Reason: Already exists.")
	_, err = client.RemovePermission(t.Context(), &sqs.RemovePermissionInput{QueueUrl: q.url, Label: aws.String("two")})
	refuse(t, err, "InvalidParameterValue", 400, "Value two for parameter Label is invalid. Reason: can't find label.")
	_, err = client.RemovePermission(t.Context(), &sqs.RemovePermissionInput{QueueUrl: q.url, Label: aws.String("one")})
	succeed(t, err)
	if got := q.attributes("Policy"); len(got) != 0 {
		t.Errorf("policy %v after the last statement went", got)
	}
}

// canonical prints JSON with its members in order and without spaces.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Errorf("no JSON: %q", text)
	}
	out, _ := json.Marshal(value)
	return string(out)
}

func TestUnknownQueue(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "gone")
	_, err := client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: q.url})
	succeed(t, err)
	const message = "The specified queue does not exist."
	_, err = client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &q.name})
	refuseAs[*types.QueueDoesNotExist](t, err, notFound, 400, message)
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String("x")})
	refuseAs[*types.QueueDoesNotExist](t, err, notFound, 400, message)
	_, err = client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url})
	refuseAs[*types.QueueDoesNotExist](t, err, notFound, 400, message)
	_, err = client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: []types.SendMessageBatchRequestEntry{}})
	refuseAs[*types.QueueDoesNotExist](t, err, notFound, 400, message)
	parts := strings.Split(*q.url, "/")
	elsewhere := "https://sqs.us-east-1.amazonaws.com/" + parts[len(parts)-2] + "/" + q.name
	_, err = client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &elsewhere})
	refuseAs[*types.QueueDoesNotExist](t, err, notFound, 400, message)
}
