# shellcheck shell=bash
# The AWS CLI's checks: one function check_* per rule. Sourced by run.sh. A check runs in a shell of its own, where the
# first command that fails ends it, with a directory WORK for its files. Its output goes to the log when it failed.

export AWS_MAX_ATTEMPTS=1 AWS_PAGER='' AWS_DEFAULT_OUTPUT=text

run_checks() {
	local check failed=0 running=0 directory
	directory=$(mktemp -d)
	for check in $(compgen -A function check_); do
		(
			set +e
			WORK=$(mktemp -d "$directory/work.XXXX")
			(set -euo pipefail && "$check") >"$directory/$check" 2>&1
			echo $? >"$directory/$check.code"
		) &
		running=$((running + 1))
		if [ "$running" -ge 3 ]; then
			wait -n || true
			running=$((running - 1))
		fi
	done
	wait
	for check in $(compgen -A function check_); do
		if [ "$(cat "$directory/$check.code")" = 0 ]; then
			result passed "$check"
		else
			failed=1
			result failed "$check"
			echo "--- $check"
			cat "$directory/$check"
		fi
	done
	rm -rf "$directory"
	return $failed
}

# By option, since version 1 of the CLI ignores AWS_ENDPOINT_URL for SQS: it puts the old host names in its place.
sqs() {
	aws --endpoint-url "$SQS_ENDPOINT" sqs "$@"
}

unique() {
	printf 'cli-%s-%04x%04x%04x' "$1" $RANDOM $RANDOM $RANDOM
}

# new_queue NAME [ATTRIBUTES]: creates a queue and prints its URL.
new_queue() {
	sqs create-queue --queue-name "$1" --query QueueUrl ${2:+--attributes "$2"}
}

attribute() {
	sqs get-queue-attributes --queue-url "$1" --attribute-names "$2" --query "Attributes.$2"
}

# same GOT WANT
same() {
	[ "$1" = "$2" ] && return
	printf 'got:  %s\nwant: %s\n' "$1" "$2"
	return 1
}

# refused CODE MESSAGE COMMAND...: the command must fail with this error; an empty MESSAGE means any.
refused() {
	local code=$1 message=$2 output
	shift 2
	if output=$("$@" 2>&1); then
		echo "no error from: $*"
		return 1
	fi
	[[ $output == *"An error occurred ($code) when calling"*": $message"* ]] && return
	printf 'got:  %s\nwant: (%s) %s\n' "$output" "$code" "$message"
	return 1
}

check_queue_life() {
	local name url
	name=$(unique life)
	url=$(new_queue "$name" VisibilityTimeout=45)
	same "${url##*/}" "$name"
	same "$(sqs get-queue-url --queue-name "$name")" "$url"
	same "$(sqs list-queues --queue-name-prefix "$name" --query 'QueueUrls[]')" "$url"
	sqs set-queue-attributes --queue-url "$url" --attributes DelaySeconds=3,MaximumMessageSize=2048
	same "$(sqs get-queue-attributes --queue-url "$url" --attribute-names All \
		--query 'Attributes.[VisibilityTimeout,DelaySeconds,MaximumMessageSize,ApproximateNumberOfMessages]')" \
		$'45\t3\t2048\t0'
	sqs delete-queue --queue-url "$url"
	refused AWS.SimpleQueueService.NonExistentQueue 'The specified queue does not exist.' sqs get-queue-url --queue-name "$name"
}

check_queue_exists_with_other_attributes() {
	local name
	name=$(unique exists)
	new_queue "$name" DelaySeconds=1
	refused QueueAlreadyExists 'A queue already exists with the same name and a different value for attribute DelaySeconds' \
		new_queue "$name" DelaySeconds=2
}

check_tags() {
	local url
	url=$(sqs create-queue --queue-name "$(unique tags)" --tags team=a --query QueueUrl)
	sqs tag-queue --queue-url "$url" --tags team=b,stage=test
	same "$(sqs list-queue-tags --queue-url "$url" --query 'Tags.[team,stage]')" $'b\ttest'
	sqs untag-queue --queue-url "$url" --tag-keys team stage
	same "$(sqs list-queue-tags --queue-url "$url")" ''
}

check_permissions() {
	local url policy
	url=$(new_queue "$(unique permission)")
	sqs add-permission --queue-url "$url" --label one --aws-account-ids 111122223333 --actions SendMessage
	policy=$(attribute "$url" Policy)
	[[ $policy == *'"SQS:SendMessage"'* && $policy == *'arn:aws:iam::111122223333:root'* ]]
	sqs remove-permission --queue-url "$url" --label one
	same "$(attribute "$url" Policy)" None
}

# Version 1 of the CLI takes a blob as its bytes and shows it in base64.
check_message_life() {
	local url handle
	url=$(new_queue "$(unique message)")
	same "$(sqs send-message --queue-url "$url" --message-body $'Grüße <&>\r\n\tend' --query MD5OfMessageAttributes --message-attributes \
		'{"color":{"DataType":"String","StringValue":"blue"},"count":{"DataType":"Number","StringValue":"3"},"blob":{"DataType":"Binary","BinaryValue":"AQID"}}')" \
		db6e2e0a4135181dac9e6398b76d2708
	sqs receive-message --queue-url "$url" --message-attribute-names All --attribute-names All --wait-time-seconds 5 --output json >"$WORK/message"
	python -c "
import json, sys
(message,) = json.load(open(sys.argv[1]))['Messages']
assert message['Body'] == 'Grüße <&>\r\n\tend', message['Body']
assert message['MessageAttributes']['blob'] == {'BinaryValue': 'QVFJRA==', 'DataType': 'Binary'}, message
assert message['Attributes']['ApproximateReceiveCount'] == '1', message
print(message['ReceiptHandle'])" "$WORK/message" >"$WORK/handle"
	handle=$(cat "$WORK/handle")
	sqs delete-message --queue-url "$url" --receipt-handle "$handle"
	same "$(sqs get-queue-attributes --queue-url "$url" --attribute-names All \
		--query 'Attributes.[ApproximateNumberOfMessages,ApproximateNumberOfMessagesNotVisible]')" $'0\t0'
	refused ReceiptHandleIsInvalid 'The input receipt handle "garbage" is not a valid receipt handle.' \
		sqs delete-message --queue-url "$url" --receipt-handle garbage
}

check_batches() {
	local url entries i
	url=$(new_queue "$(unique batch)" MaximumMessageSize=1024)
	for i in 0 1 2 3 4 5 6 7 8; do
		entries+="{\"Id\":\"id-$i\",\"MessageBody\":\"m$i\"},"
	done
	entries="[$entries{\"Id\":\"long\",\"MessageBody\":\"$(printf 'x%.0s' {1..1025})\"}]"
	same "$(sqs send-message-batch --queue-url "$url" --entries "$entries" --query '[length(Successful),Failed[0].Id,Failed[0].Code]' | tr '\n' '\t')" \
		$'9\tlong\tInvalidParameterValue\t'
	sqs receive-message --queue-url "$url" --max-number-of-messages 10 --wait-time-seconds 5 --query 'Messages[].ReceiptHandle' |
		tr '\t' '\n' >"$WORK/handles"
	same "$(wc -l <"$WORK/handles")" 9
	same "$(sqs change-message-visibility-batch --queue-url "$url" --query '[Successful[0].Id,Failed[0].Code]' --entries \
		"Id=a,ReceiptHandle=$(head -n 1 "$WORK/handles"),VisibilityTimeout=60" Id=b,ReceiptHandle=garbage,VisibilityTimeout=60)" \
		$'a\tReceiptHandleIsInvalid'
	entries=$(awk '{ printf "%s{\"Id\":\"%d\",\"ReceiptHandle\":\"%s\"}", (NR > 1 ? "," : ""), NR, $1 }' "$WORK/handles")
	same "$(sqs delete-message-batch --queue-url "$url" --entries "[$entries]" --query 'length(Successful)')" 9
	refused AWS.SimpleQueueService.BatchEntryIdsNotDistinct 'Id a repeated.' \
		sqs send-message-batch --queue-url "$url" --entries Id=a,MessageBody=m Id=a,MessageBody=m
}

check_visibility_and_delay() {
	local url handle
	url=$(new_queue "$(unique visibility)" VisibilityTimeout=600)
	sqs send-message --queue-url "$url" --message-body later --delay-seconds 900
	same "$(sqs receive-message --queue-url "$url" --query 'Messages[].Body')" None
	sqs send-message --queue-url "$url" --message-body soon --delay-seconds 1
	handle=$(sqs receive-message --queue-url "$url" --wait-time-seconds 5 --query 'Messages[0].ReceiptHandle')
	sqs change-message-visibility --queue-url "$url" --receipt-handle "$handle" --visibility-timeout 0
	same "$(sqs receive-message --queue-url "$url" --message-system-attribute-names ApproximateReceiveCount \
		--query 'Messages[].Attributes.ApproximateReceiveCount')" 2
}

check_long_poll_wakes_on_send() {
	local url started receive
	url=$(new_queue "$(unique wake)")
	sqs receive-message --queue-url "$url" --wait-time-seconds 20 --query 'Messages[].Body' >"$WORK/woken" &
	receive=$!
	started=$SECONDS
	sqs send-message --queue-url "$url" --message-body 'wake up'
	wait "$receive"
	same "$(cat "$WORK/woken")" 'wake up'
	[ $((SECONDS - started)) -lt 20 ] # what is not woken takes that long, and the CLI itself some seconds to start on a busy machine
}

check_purge() {
	local name url
	name=$(unique purge)
	url=$(new_queue "$name")
	sqs send-message --queue-url "$url" --message-body m
	sqs purge-queue --queue-url "$url"
	refused AWS.SimpleQueueService.PurgeQueueInProgress "Only one PurgeQueue operation on $name is allowed every 60 seconds." \
		sqs purge-queue --queue-url "$url"
	same "$(sqs receive-message --queue-url "$url" --query 'Messages')" None
}

check_fifo() {
	local url first again handle
	url=$(new_queue "$(unique fifo).fifo" FifoQueue=true,VisibilityTimeout=43200)
	first=$(sqs send-message --queue-url "$url" --message-group-id g --message-deduplication-id a --message-body one --query '[MessageId,SequenceNumber]')
	again=$(sqs send-message --queue-url "$url" --message-group-id g --message-deduplication-id a --message-body other --query '[MessageId,SequenceNumber]')
	same "$again" "$first"
	[[ $first =~ [[:space:]][0-9]{20}$ ]]
	sqs send-message --queue-url "$url" --message-group-id g --message-deduplication-id b --message-body two
	handle=$(sqs receive-message --queue-url "$url" --wait-time-seconds 5 --query 'Messages[0].ReceiptHandle')
	same "$(sqs receive-message --queue-url "$url" --query 'Messages')" None # the group is locked
	sqs delete-message --queue-url "$url" --receipt-handle "$handle"
	same "$(sqs receive-message --queue-url "$url" --query 'Messages[].Body')" two
	refused MissingParameter 'The request must contain the parameter MessageGroupId.' \
		sqs send-message --queue-url "$url" --message-body m
}

check_dead_letters_and_redrive() {
	local name source dead dead_arn
	name=$(unique dlq)
	dead=$(new_queue "$name-dead")
	dead_arn=$(attribute "$dead" QueueArn)
	source=$(new_queue "$name" "{\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"$dead_arn\\\",\\\"maxReceiveCount\\\":1}\",\"VisibilityTimeout\":\"0\"}")
	same "$(sqs list-dead-letter-source-queues --queue-url "$dead" --query 'queueUrls[]')" "$source"
	sqs send-message --queue-url "$source" --message-body poison
	same "$(sqs receive-message --queue-url "$source" --wait-time-seconds 5 --query 'Messages[].Body')" poison
	same "$(sqs receive-message --queue-url "$source" --query 'Messages')" None
	same "$(sqs receive-message --queue-url "$dead" --visibility-timeout 0 --wait-time-seconds 5 --attribute-names All \
		--query 'Messages[0].Attributes.DeadLetterQueueSourceArn')" "$(attribute "$source" QueueArn)"
	[ -n "$(sqs start-message-move-task --source-arn "$dead_arn")" ]
	same "$(sqs receive-message --queue-url "$source" --wait-time-seconds 20 --query 'Messages[].Body')" poison
	local status=RUNNING
	until [ "$status" != RUNNING ]; do
		status=$(sqs list-message-move-tasks --source-arn "$dead_arn" --query 'Results[0].Status')
	done
	same "$status" COMPLETED
	refused InvalidParameterValue 'Source queue must be configured as a Dead Letter Queue.' \
		sqs start-message-move-task --source-arn "$(attribute "$source" QueueArn)"
}

check_paging() {
	local prefix i
	prefix=$(unique paged)
	for i in 0 1 2; do
		new_queue "$prefix-$i"
	done
	same "$(sqs list-queues --queue-name-prefix "$prefix" --page-size 2 --query 'QueueUrls[]' --output json | grep -c "$prefix")" 3
}

# Signatures: what is signed right was checked by every other check. Only a server that verifies them is asked.
check_signatures_that_are_refused() {
	[ -n "${CONFORMANCE_AUTH:-}" ] || return 0
	AWS_SECRET_ACCESS_KEY=wrong refused SignatureDoesNotMatch 'The request signature we calculated does not match' sqs list-queues
	AWS_ACCESS_KEY_ID=AKIANOBODY refused InvalidClientTokenId 'The security token included in the request is invalid.' sqs list-queues
	refused SignatureDoesNotMatch 'Credential should be scoped to a valid region.' sqs list-queues --region eu-nowhere-1
}

check_who_am_i() {
	[ -n "${CONFORMANCE_AUTH:-}" ] || return 0
	local arn
	arn=$(aws --endpoint-url "$SQS_ENDPOINT" sts get-caller-identity --query Arn)
	same "${arn#arn:aws:iam::[0-9]*:}" "${CONFORMANCE_USER:+user/}${CONFORMANCE_USER:-root}"
}
