package api

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// everyShape walks the shapes of all actions with the Go type each describes.
func everyShape(t *testing.T, visit func(t *testing.T, s *Shape, structure any)) {
	seen := map[*Shape]bool{}
	var walk func(s *Shape, structure any)
	walk = func(s *Shape, structure any) {
		if seen[s] {
			return
		}
		seen[s] = true
		t.Run(s.Name, func(t *testing.T) { visit(t, s, structure) })
		for i := range s.Members {
			m := &s.Members[i]
			switch at := m.At(structure).(type) {
			case List:
				walk(m.Items, at.Append())
			case *map[string]MessageAttributeValue:
				walk(m.Items, &MessageAttributeValue{})
			}
		}
	}
	for _, a := range Actions {
		walk(a.Input, a.NewInput())
		if a.Output != nil {
			walk(a.Output, newOutput(a))
		}
	}
}

// newOutput makes a zero output of an action from the interface's method.
func newOutput(a *Action) any {
	method, _ := reflect.TypeFor[SQS]().MethodByName(a.Name)
	return reflect.New(method.Type.Out(0).Elem()).Interface()
}

func TestShapesDescribeEveryFieldInOrder(t *testing.T) {
	everyShape(t, func(t *testing.T, s *Shape, structure any) {
		v := reflect.ValueOf(structure).Elem()
		if v.Type().Name() != s.Name {
			t.Errorf("describes a %s", v.Type().Name())
		}
		if v.NumField() != len(s.Members) {
			t.Fatalf("%d fields, %d members", v.NumField(), len(s.Members))
		}
		for i := range s.Members {
			m, field := &s.Members[i], v.Type().Field(i)
			if !strings.EqualFold(m.Name, field.Name) {
				t.Errorf("member %d is %s, field %s", i, m.Name, field.Name)
			}
			want := v.Field(i).Addr()
			switch at := m.At(structure).(type) {
			case *string, **string, **int64, *int64, *bool, *[]byte, *[]string, *[][]byte, *map[string]string, *map[string]MessageAttributeValue:
				if reflect.ValueOf(at).Pointer() != want.Pointer() {
					t.Errorf("%s: At is not the address of the field", m.Name)
				}
			case List:
				v.Field(i).SetZero()
				at.Append()
				if at.Len() != 1 || v.Field(i).Len() != 1 || at.Item(0) != v.Field(i).Index(0).Addr().Interface() {
					t.Errorf("%s: List is not over the field", m.Name)
				}
				at.Empty()
				if at.Len() != 0 || !at.Present() || v.Field(i).IsNil() {
					t.Errorf("%s: Empty does not leave an empty list", m.Name)
				}
			default:
				t.Errorf("%s: codecs do not know %T", m.Name, at)
			}
		}
	})
}

func TestOnlyTwoMembersDifferFromTheirFields(t *testing.T) {
	var odd []string
	everyShape(t, func(t *testing.T, s *Shape, structure any) {
		for i, m := range s.Members {
			if field := reflect.TypeOf(structure).Elem().Field(i).Name; m.Name != field {
				odd = append(odd, s.Name+"."+m.Name)
			}
		}
	})
	want := []string{"CreateQueueInput.tags", "ListDeadLetterSourceQueuesOutput.queueUrls"}
	if !slices.Equal(odd, want) {
		t.Errorf("got %v, want %v", odd, want)
	}
}

func TestActionsAreTheMethodsOfSQS(t *testing.T) {
	sqs := reflect.TypeFor[SQS]()
	if sqs.NumMethod() != 23 || len(Actions) != 23 {
		t.Fatalf("%d methods, %d actions", sqs.NumMethod(), len(Actions))
	}
	for i, a := range Actions {
		method := sqs.Method(i) // in the order of their names
		if method.Name != a.Name {
			t.Fatalf("action %d is %s, method %s", i, a.Name, method.Name)
		}
		if in := reflect.TypeOf(a.NewInput()); in != method.Type.In(2) || a.Input.Name != a.Name+"Input" {
			t.Errorf("%s: input is %v, described by %s", a.Name, in, a.Input.Name)
		}
		if hasOutput := method.Type.NumOut() == 2; hasOutput != (a.Output != nil) {
			t.Errorf("%s: output %v", a.Name, a.Output)
		}
		if a.Output != nil && a.Output.Name != a.Name+"Output" {
			t.Errorf("%s: output described by %s", a.Name, a.Output.Name)
		}
		in := a.NewInput()
		url := a.QueueURL(in)
		if (url != nil) != (a.Level == QueueLevel) {
			t.Errorf("%s: level %v, QueueURL %v", a.Name, a.Level, url)
		}
		if url != nil && url != a.Input.Member("QueueUrl").At(in) {
			t.Errorf("%s: QueueURL is another member", a.Name)
		}
		if ActionNamed(a.Name) != a {
			t.Errorf("%s is not found by its name", a.Name)
		}
	}
	if ActionNamed("sendMessage") != nil || ActionNamed("") != nil {
		t.Error("found an action that is none")
	}
}

// TestInvokeCallsTheMethod calls every action on a service whose methods say which one they are.
func TestInvokeCallsTheMethod(t *testing.T) {
	for _, a := range Actions {
		service := &recorder{}
		in, c := a.NewInput(), &Caller{}
		out, err := a.Invoke(context.Background(), service, c, in)
		if err != nil || service.called != a.Name || service.in != in || service.caller != c {
			t.Errorf("%s: called %q, error %v", a.Name, service.called, err)
		}
		if a.Output != nil && reflect.TypeOf(out) != reflect.TypeOf(newOutput(a)) || a.Output == nil && out != nil {
			t.Errorf("%s: output %T", a.Name, out)
		}

		failure := errors.New("failure")
		if out, err := a.Invoke(context.Background(), &recorder{err: failure}, c, in); err != failure || out != nil {
			t.Errorf("%s: got %v, %v for a failure", a.Name, out, err)
		}
		if _, err := a.Invoke(context.Background(), &recorder{noOutput: true}, c, in); (err != nil) != (a.Output != nil) {
			t.Errorf("%s: error %v without an output", a.Name, err)
		}
	}
}

func TestWantedSystemAttributes(t *testing.T) {
	older, newer := []string{"SenderId"}, []string{"All"}
	for _, tc := range []struct {
		name        string
		in          ReceiveMessageInput
		json, query []string
	}{
		{"neither", ReceiveMessageInput{}, nil, nil},
		{"older", ReceiveMessageInput{AttributeNames: older}, older, older},
		{"newer", ReceiveMessageInput{MessageSystemAttributeNames: newer}, newer, newer},
		{"both", ReceiveMessageInput{AttributeNames: older, MessageSystemAttributeNames: newer}, newer, older},
		{"newer empty", ReceiveMessageInput{AttributeNames: older, MessageSystemAttributeNames: []string{}}, older, older},
	} {
		if got := tc.in.WantedSystemAttributes(&Caller{}); !slices.Equal(got, tc.json) {
			t.Errorf("%s: JSON %v, want %v", tc.name, got, tc.json)
		}
		if got := tc.in.WantedSystemAttributes(&Caller{Query: true}); !slices.Equal(got, tc.query) {
			t.Errorf("%s: Query %v, want %v", tc.name, got, tc.query)
		}
	}
}

func TestErrors(t *testing.T) {
	wrapped := fmt.Errorf("send: %w", QueueDoesNotExist.New())
	if !errors.Is(wrapped, QueueDoesNotExist) || errors.Is(wrapped, OverLimit) {
		t.Error("errors.Is does not tell kinds apart")
	}
	if e := AsError(wrapped); e == nil || e.Kind != QueueDoesNotExist {
		t.Errorf("AsError gave %v", e)
	}
	if e := AsError(fmt.Errorf("send: %w", OverLimit)); e == nil || e.Kind != OverLimit || e.Message != OverLimit.Text {
		t.Errorf("AsError gave %v for a bare kind", e)
	}
	if e := AsError(errors.New("disk")); e != nil {
		t.Errorf("AsError gave %v for an internal error", e)
	}
	if got := Missing("MessageBody").Message; got != "The request must contain the parameter MessageBody." {
		t.Error(got)
	}
	if got := InvalidValue(11, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.").Error(); got !=
		"InvalidParameterValue: Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided." {
		t.Error(got)
	}
	if got, want := ReceiptHandleIsInvalid.Newf("no %q", "x").BatchEntry("a"), (BatchResultErrorEntry{"a", true, "ReceiptHandleIsInvalid", `no "x"`}); got != want {
		t.Errorf("got %+v", got)
	}
	if InternalFailure.New().BatchEntry("a").SenderFault {
		t.Error("an internal failure is the sender's fault")
	}
	if got := QueueDoesNotExist.Newf("other words").QueryText(); got != "other words" {
		t.Errorf("words of its own became %q in Query", got)
	}
}
