# shellcheck shell=bash
# What a hardened server alone shows: policies that act, and TLS. Checks like those of checks.sh, which only
# `run.sh --hardened` runs. Sourced by run.sh.

# The commands for clients on the page that the server was set up by, by whoever set it up.
check_hardened_commands_of_the_guide() {
	local url=$SQS_ENDPOINT/$CONFORMANCE_ACCOUNT/orders
	unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION AWS_DEFAULT_REGION AWS_CA_BUNDLE AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
	export HOME=$CONFORMANCE_HARDENED/home
	source "$CONFORMANCE_HARDENED/clients.sh" >"$WORK/said"
	same "$(head -n 1 "$WORK/said")" "$url"
	same "$(sqs --profile worker receive-message --queue-url "$url" --wait-time-seconds 5 --query 'Messages[].Body')" hello
	refused AccessDenied "$(denied worker purgequeue orders)" sqs --profile worker purge-queue --queue-url "$url"
}

# denied USER ACTION QUEUE: AWS's words for a request that no policy allows.
denied() {
	echo "User: arn:aws:iam::$CONFORMANCE_ACCOUNT:user/$1 is not authorized to perform: sqs:$2 on resource:" \
		"arn:aws:sqs:$AWS_REGION:$CONFORMANCE_ACCOUNT:$3 because no identity-based policy allows the sqs:$2 action"
}

check_hardened_user_without_policy() {
	local name url
	name=$(unique denied)
	url=$(new_queue "$name")
	export AWS_ACCESS_KEY_ID=$CONFORMANCE_STRANGER_KEY_ID AWS_SECRET_ACCESS_KEY=$CONFORMANCE_STRANGER_SECRET
	refused AccessDenied "$(denied stranger sendmessage "$name")" sqs send-message --queue-url "$url" --message-body m
	refused AccessDenied "$(denied stranger receivemessage "$name")" sqs receive-message --queue-url "$url"
}

check_hardened_certificate_of_another_ca() {
	local said
	if said=$(sqs --ca-bundle "$CONFORMANCE_OTHER_CA" list-queues 2>&1); then
		echo "the certificate was not looked at"
		return 1
	fi
	same "${said/*SSL validation failed*CERTIFICATE_VERIFY_FAILED*/refused}" refused
}

check_hardened_http_to_the_port_of_https() {
	SQS_ENDPOINT=${SQS_ENDPOINT/https:/http:} refused InvalidSecurity 'The request was not made over HTTPS.' sqs list-queues
}
