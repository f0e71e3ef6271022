package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/staunchmq/staunch/internal/api"
)

// sdkClient returns the AWS SDK's client for a server with the canned service. The
// outputs have no real digests, so the client does not check them.
func sdkClient(t *testing.T) *sqs.Client {
	t.Helper()
	server := httptest.NewServer(New(Options{SQS: fake(canned), Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(server.Close)
	return sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		DisableMessageChecksumValidation: true, RetryMaxAttempts: 1,
	})
}

// fillSDK puts a value into every member of an SDK's struct.
func fillSDK(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillSDK(v.Elem())
	case reflect.String:
		v.SetString("full")
	case reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte("full"))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillSDK(v.Index(0))
	case reflect.Map:
		value := reflect.New(v.Type().Elem()).Elem()
		fillSDK(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("full").Convert(v.Type().Key()), value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillSDK(v.Field(i))
			}
		}
	}
}

// sameFields compares what the SDK sent or received with ours, member by member under the SDK's names.
func sameFields(t *testing.T, path string, ours, theirs reflect.Value) {
	t.Helper()
	for theirs.Kind() == reflect.Pointer || theirs.Kind() == reflect.Interface {
		if theirs.IsNil() {
			if !ours.IsZero() {
				t.Errorf("%s: %v, the SDK has nothing", path, ours)
			}
			return
		}
		theirs = theirs.Elem()
	}
	for ours.Kind() == reflect.Pointer {
		if ours.IsNil() {
			t.Errorf("%s: nothing, the SDK has %v", path, theirs)
			return
		}
		ours = ours.Elem()
	}
	switch ours.Kind() {
	case reflect.Struct:
		for i := range ours.NumField() {
			name := ours.Type().Field(i).Name
			member := theirs.FieldByName(name)
			if !member.IsValid() {
				t.Errorf("%s.%s: the SDK has no such member", path, name)
				continue
			}
			sameFields(t, path+"."+name, ours.Field(i), member)
		}
	case reflect.Slice:
		if ours.Len() != theirs.Len() {
			t.Errorf("%s: %d, the SDK has %d", path, ours.Len(), theirs.Len())
			return
		}
		for i := range ours.Len() {
			sameFields(t, path, ours.Index(i), theirs.Index(i))
		}
	case reflect.Map:
		if ours.Len() != theirs.Len() {
			t.Errorf("%s: %d, the SDK has %d", path, ours.Len(), theirs.Len())
		}
		for _, key := range ours.MapKeys() {
			if value := theirs.MapIndex(key.Convert(theirs.Type().Key())); value.IsValid() {
				sameFields(t, path+"."+key.String(), ours.MapIndex(key), value)
			} else {
				t.Errorf("%s: the SDK lacks %s", path, key)
			}
		}
	default:
		if !ours.Equal(theirs.Convert(ours.Type())) {
			t.Errorf("%s: %v, the SDK has %v", path, ours, theirs)
		}
	}
}

// TestSDKAgreesOnEveryMember calls every action through the AWS SDK with every member set and compares what the
// service got with what the SDK sent, and what the SDK got with what the service sent.
func TestSDKAgreesOnEveryMember(t *testing.T) {
	for _, a := range api.Actions {
		t.Run(a.Name, func(t *testing.T) {
			var received any
			var sentOutput any
			server := httptest.NewServer(New(Options{SQS: fake(func(_ context.Context, action string, c *api.Caller, in any) (any, error) {
				received = in
				sentOutput = cannedOutputs(c)[action]
				return sentOutput, nil
			})}))
			defer server.Close()
			client := sqs.New(sqs.Options{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
				Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""), DisableMessageChecksumValidation: true})

			method := reflect.ValueOf(client).MethodByName(a.Name)
			input := reflect.New(method.Type().In(1).Elem())
			fillSDK(input.Elem())
			results := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), input})
			if err, _ := results[1].Interface().(error); err != nil {
				t.Fatal(err)
			}
			sameFields(t, "input", reflect.ValueOf(received), input)
			if a.Output != nil {
				sameFields(t, "output", reflect.ValueOf(sentOutput), results[0])
			}
		})
	}
}

func TestSDKKnowsTheErrors(t *testing.T) {
	client := sdkClient(t)
	queue := func(name string) *string { return aws.String("http://localhost/123456789012/" + name) }

	_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: queue("missing"), MessageBody: aws.String("hi")})
	var missing *types.QueueDoesNotExist
	if !errors.As(err, &missing) || missing.ErrorCode() != "AWS.SimpleQueueService.NonExistentQueue" {
		t.Errorf("got %v", err)
	}
	_, err = client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: queue("bad-handle"), ReceiptHandle: aws.String("x")})
	var handle *types.ReceiptHandleIsInvalid
	if !errors.As(err, &handle) || !strings.Contains(handle.ErrorMessage(), "<x&y>\r\x00") {
		t.Errorf("got %v", err)
	}
	_, err = client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: queue("internal")})
	var failure smithy.APIError
	if !errors.As(err, &failure) || failure.ErrorCode() != "InternalFailure" {
		t.Errorf("got %v", err)
	}
}

func TestSDKReadsEmptyOutputs(t *testing.T) {
	client := sdkClient(t)
	queue := aws.String("http://localhost/123456789012/empty")
	received, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue})
	if err != nil || len(received.Messages) != 0 {
		t.Errorf("got %v, %v", received, err)
	}
	if _, err := client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: queue}); err != nil {
		t.Error(err)
	}
	tags, err := client.ListQueueTags(t.Context(), &sqs.ListQueueTagsInput{QueueUrl: queue})
	if err != nil || len(tags.Tags) != 0 {
		t.Errorf("got %v, %v", tags, err)
	}
}
