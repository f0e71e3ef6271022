package sqs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
)

// setRedrivePolicy reads a RedrivePolicy (reference/sqs.md 5.3); the empty text removes it. Whether the target is fit for it is
// left to checkRedrive.
func setRedrivePolicy(e *edit, value string) error {
	if value == "" {
		e.attributes.Redrive = nil
		return nil
	}
	var members map[string]jsontext.Value
	if err := json.Unmarshal([]byte(value), &members); err != nil || members == nil {
		return badRedrive(value, "Redrive policy is not a valid JSON map.")
	}
	countText, hasCount := members["maxReceiveCount"]
	targetText, hasTarget := members["deadLetterTargetArn"]
	switch {
	case !hasCount:
		return badRedrive(value, "Redrive policy does not contain mandatory attribute: maxReceiveCount.")
	case !hasTarget:
		return badRedrive(value, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
	case len(members) != 2:
		return badRedrive(value, "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn].")
	}
	count, ok := wholeNumber(countText)
	if !ok || count < 1 || count > maxReceiveCountMax {
		shown := strings.Trim(string(countText), `"`)
		return badRedrive(value, fmt.Sprintf("Invalid value for maxReceiveCount: %s, valid values are from 1 to 1000 both inclusive.", shown))
	}
	var targetARN string
	if json.Unmarshal(targetText, &targetARN) != nil {
		return badRedrive(value, "Dead-letter target ARN should be fully qualified ARN.")
	}
	target, err := arn.Parse(targetARN)
	switch {
	case errors.Is(err, arn.ErrNameTooLong):
		return badRedrive(value, "Dead letter target does not exist.")
	case err != nil && namesOtherService(targetARN):
		return badRedrive(value, "Only SQS queues are valid resources for deadLetterTargetArn.")
	case err != nil:
		return badRedrive(value, "Dead-letter target ARN should be fully qualified ARN.")
	}
	e.attributes.Redrive = &catalog.RedrivePolicy{TargetARN: targetARN, Target: keyOf(target), MaxReceiveCount: uint32(count)}
	return nil
}

func badRedrive(value, reason string) error { return api.InvalidValue(value, "RedrivePolicy", reason) }

// wholeNumber reads a JSON number, or a string with the digits of one.
func wholeNumber(v jsontext.Value) (int64, bool) {
	digits := string(v)
	if v.Kind() == '"' {
		if json.Unmarshal(v, &digits) != nil {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil
}

// namesOtherService tells whether s has the form of an ARN, but not of SQS.
func namesOtherService(s string) bool {
	parts := strings.SplitN(s, ":", 6)
	return len(parts) == 6 && parts[0] == "arn" && parts[2] != "sqs"
}

// redriveText is a redrive policy as the API returns it, whatever form it was set in; empty for nil.
func redriveText(r *catalog.RedrivePolicy) string {
	if r == nil {
		return ""
	}
	target, err := jsontext.AppendQuote(nil, r.TargetARN)
	if err != nil {
		return "" // cannot be: an ARN that was parsed is valid text
	}
	return fmt.Sprintf(`{"deadLetterTargetArn":%s,"maxReceiveCount":%d}`, target, r.MaxReceiveCount)
}

// checkRedrive checks that the dead-letter queue of e exists, is fit for it, and allows it. Only a redrive policy that the request
// sets is checked: what is in place stays in place, whatever becomes of its target.
func (e *edit) checkRedrive(v *catalog.View) error {
	value, given := e.given["RedrivePolicy"]
	r := e.attributes.Redrive
	if !given || r == nil {
		return nil
	}
	if r.Target == e.key {
		return checkRedriveAllowed(value, e.attributes.RedriveAllowPolicy, e.key)
	}
	target := v.Lookup(r.Target)
	switch {
	case r.Target.Account != e.key.Account:
		return badRedrive(value, "Deadletter target owner should be same as the source.")
	case target == nil || r.Target.Region != e.key.Region:
		return badRedrive(value, "Dead letter target does not exist.")
	case target.Attributes.FIFO != e.attributes.FIFO:
		return badRedrive(value, "Dead-letter queue must be same type of queue as the source.")
	}
	return checkRedriveAllowed(value, target.Attributes.RedriveAllowPolicy, e.key)
}
