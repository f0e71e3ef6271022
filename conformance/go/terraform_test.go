package gosdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// These tests make the calls of Terraform's AWS provider (hashicorp/aws 6) for its SQS resources, and read the answers as it does:
// after each change it reads the attributes until all that it has sent are there as it sent them, and waits for minutes if they are not.

// always is what the provider sends with every CreateQueue: its defaults of the arguments that have one.
func always(attributes ...string) map[string]string {
	sent := pairs([]string{"DelaySeconds", "0", "MaximumMessageSize", "262144", "MessageRetentionPeriod", "345600",
		"ReceiveMessageWaitTimeSeconds", "0", "VisibilityTimeout", "30"})
	maps.Copy(sent, pairs(attributes))
	return sent
}

// checkSettled fails if the provider would go on waiting after it has sent these attributes, or could not read what it gets.
func checkSettled(t *testing.T, q queue, sent map[string]string) {
	t.Helper()
	got := q.attributes()
	for name, want := range sent {
		value, has := got[name]
		switch {
		case !has && (want == "" || name == "KmsDataKeyReusePeriodSeconds" && got["KmsMasterKeyId"] == ""):
		case strings.HasSuffix(name, "Policy"):
			if !sameJSON(value, want) {
				t.Errorf("%s is %s, want %s", name, value, want)
			}
		case value != want:
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	for name, value := range got {
		var err error
		switch name {
		case "FifoQueue", "ContentBasedDeduplication", "SqsManagedSseEnabled":
			_, err = strconv.ParseBool(value)
		case "QueueArn", "Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "DeduplicationScope", "FifoThroughputLimit":
		default:
			_, err = strconv.Atoi(value)
		}
		if err != nil || value == "" {
			t.Errorf("%s is %q, which the provider cannot read", name, value)
		}
	}
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

func TestTerraformFindsWhatItHasSent(t *testing.T) {
	t.Parallel()
	dead, other := newQueue(t, "tf-dead"), newQueue(t, "tf-other")
	redrive := func(to queue, receives int) string {
		return fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":%d}`, to.arn(), receives)
	}
	policy := func(principal string) string {
		return `{"Id":"sqspolicy","Statement":[{"Action":["sqs:SendMessage","sqs:GetQueueUrl"],"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:s3:::bucket"}},` +
			`"Effect":"Allow","Principal":` + principal + `,"Resource":"arn:aws:sqs:*:*:*","Sid":"First"}],"Version":"2012-10-17"}`
	}
	for _, c := range []struct {
		name    string
		create  []string
		updates [][]string
	}{
		{"nothing given", nil, [][]string{{"DelaySeconds", "900"}, {"MaximumMessageSize", "1048576", "VisibilityTimeout", "0"}}},
		{"numbers", []string{"DelaySeconds", "90", "MaximumMessageSize", "2048", "MessageRetentionPeriod", "86400", "ReceiveMessageWaitTimeSeconds", "10", "VisibilityTimeout", "43200"},
			[][]string{{"MessageRetentionPeriod", "60", "ReceiveMessageWaitTimeSeconds", "20"}}},
		{"FIFO", []string{"FifoQueue", "true"}, [][]string{{"ContentBasedDeduplication", "true"}, {"DeduplicationScope", "messageGroup", "FifoThroughputLimit", "perMessageGroupId"}}},
		{"high throughput", []string{"FifoQueue", "true", "ContentBasedDeduplication", "true", "DeduplicationScope", "messageGroup", "FifoThroughputLimit", "perMessageGroupId"},
			[][]string{{"ContentBasedDeduplication", "false", "DeduplicationScope", "queue", "FifoThroughputLimit", "perQueue"}}},
		{"SSE switched off and on", []string{"SqsManagedSseEnabled", "true"}, [][]string{{"SqsManagedSseEnabled", "false"}, {"SqsManagedSseEnabled", "true"}}},
		{"no encryption, a reuse period", []string{"SqsManagedSseEnabled", "false", "KmsDataKeyReusePeriodSeconds", "60"}, [][]string{{"DelaySeconds", "1"}}},
		{"a key, then SSE", []string{"KmsMasterKeyId", "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds", "3600"},
			[][]string{{"KmsDataKeyReusePeriodSeconds", "60"}, {"KmsMasterKeyId", "", "SqsManagedSseEnabled", "true"}}},
		{"SSE, then a key, then nothing", []string{"SqsManagedSseEnabled", "true"}, [][]string{{"KmsMasterKeyId", "alias/aws/sqs"}, {"KmsMasterKeyId", ""}}},
		{"redrive policy", []string{"RedrivePolicy", redrive(dead, 4)}, [][]string{{"RedrivePolicy", redrive(other, 1000)}, {"RedrivePolicy", ""}}},
		{"redrive allow policy", []string{"RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["` + dead.arn() + `"]}`},
			[][]string{{"RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`}, {"RedriveAllowPolicy", `{"redrivePermission":"allowAll","sourceQueueArns":null}`}, {"RedriveAllowPolicy", ""}}},
		{"policy", []string{"Policy", policy(`"*"`)},
			[][]string{{"Policy", policy(`{"AWS":["arn:aws:iam::111122223333:user/bob","arn:aws:iam::111122223333:role/a/b"]}`)},
				{"Policy", policy(`{"AWS":"111122223333"}`)}, {"Policy", policy(`{"Service":["s3.amazonaws.com","sns.amazonaws.com"]}`)}, {"Policy", ""}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sent := always(c.create...)
			var list []string
			for name, value := range sent {
				list = append(list, name, value)
			}
			q := newQueue(t, "tf", list...)
			checkSettled(t, q, sent)
			for _, update := range c.updates {
				succeed(t, q.set(update...))
				checkSettled(t, q, pairs(update))
			}
		})
	}
}

// The provider finds the name as the second of exactly two parts of the URL's path, and compares tags, empty values included.
func TestTerraformReadsQueuesByURLAndTags(t *testing.T) {
	t.Parallel()
	name := uniqueName("tf-tags")
	tags := map[string]string{"team": "blue", "cost:center/a": "4 2", "empty": ""}
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: always(), Tags: tags})
	succeed(t, err)
	if parts := strings.Split(*made.QueueUrl, "/"); len(parts) != 5 || len(parts[3]) != 12 || parts[4] != name {
		t.Errorf("URL %s, want host/account/name", *made.QueueUrl)
	}
	check := func() {
		t.Helper()
		out, err := client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: made.QueueUrl})
		succeed(t, err)
		if !maps.Equal(out.Tags, tags) {
			t.Errorf("tags %v, want %v", out.Tags, tags)
		}
	}
	check()
	_, err = client.UntagQueue(t.Context(), &sqs.UntagQueueInput{QueueUrl: made.QueueUrl, TagKeys: []string{"cost:center/a", "not-there"}})
	succeed(t, err)
	_, err = client.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: made.QueueUrl, Tags: map[string]string{"team": "", "new": "x"}})
	succeed(t, err)
	tags = map[string]string{"team": "", "empty": "", "new": "x"}
	check()

	// An import names the queue by a URL of AWS's form, whatever the endpoint is.
	account := strings.Split(*made.QueueUrl, "/")[3]
	imported := aws.String("https://sqs." + environment("AWS_REGION", "us-east-1") + ".amazonaws.com/" + account + "/" + name)
	checkSettled(t, queue{t, name, imported}, always())

	// It knows a queue that is gone, or was never there, by this code.
	_, err = client.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: made.QueueUrl})
	succeed(t, err)
	_, err = client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: made.QueueUrl})
	refuse(t, err, notFound, 400, "")
	_, err = client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	refuse(t, err, notFound, 400, "")
}
