package staunch_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/goleak"

	"github.com/staunchmq/staunch"
)

func client(s *staunch.Server) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(s.Endpoint()),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func Example() {
	ctx := context.Background()
	server, err := staunch.Start(ctx, staunch.Options{})
	if err != nil {
		panic(err)
	}
	defer server.Close()
	c := client(server)
	queue, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("hello")})
	if err != nil {
		panic(err)
	}
	_, err = c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String("first message")})
	if err != nil {
		panic(err)
	}
	received, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil {
		panic(err)
	}
	fmt.Println(*received.Messages[0].Body)
	// Output: first message
}

func TestDataSurvivesAStop(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
	dir := t.TempDir()
	for i := range 2 {
		s, err := staunch.Start(t.Context(), staunch.Options{Data: dir})
		if err != nil {
			t.Fatal(err)
		}
		c := client(s)
		q, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.QueueUrl, MessageBody: aws.String("m")}); err != nil {
			t.Fatal(err)
		}
		out, err := c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := out.Attributes["ApproximateNumberOfMessages"], fmt.Sprint(i+1); got != want {
			t.Errorf("start %d: %s messages, want %s", i, got, want)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	tests := []struct {
		name    string
		options staunch.Options
		want    string
	}{
		{"unknown setting", staunch.Options{Settings: map[string]string{"regoin": "x"}}, "regoin"},
		{"out of range", staunch.Options{Settings: map[string]string{"shards": "9999"}}, "9999"},
		{"other machines", staunch.Options{Listen: "0.0.0.0:0"}, "insecure-no-auth"},
		{"decided elsewhere", staunch.Options{Settings: map[string]string{"data": "x"}}, "Options.Data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := staunch.Start(t.Context(), tt.options)
			if err == nil {
				t.Fatal(s.Close(), "started")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %q, want it to name %q", err, tt.want)
			}
		})
	}
}

func TestASecondServerIsRefusedTheDirectory(t *testing.T) {
	dir := t.TempDir()
	s, err := staunch.Start(t.Context(), staunch.Options{Data: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if second, err := staunch.Start(t.Context(), staunch.Options{Data: dir}); err == nil {
		t.Error("a second server opened the directory", second.Close())
	} else if !strings.Contains(err.Error(), dir) {
		t.Errorf("error %q does not name the directory", err)
	}
}
