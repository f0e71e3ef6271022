# shellcheck shell=bash
# The server of docs/operations/hardening.md, set up by the settings and commands that stand there, in a directory and on
# ports of its own. Sourced by run.sh.
source "$here/packages.sh"

# start_hardened_server sets the server up and starts it. For the clients it sets, besides SQS_ENDPOINT:
#   AWS_ACCESS_KEY_ID ...           the key of a user whose policy allows everything over TLS
#   CONFORMANCE_ACCOUNT, _USER      who that is
#   CONFORMANCE_STRANGER_KEY_ID, CONFORMANCE_STRANGER_SECRET
#                                   the key of a user without a policy
#   AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS
#                                   the CA of the server
#   CONFORMANCE_OTHER_CA            another CA of the same name
#   CONFORMANCE_HARDENED            a directory: home/ is that of who followed the page, clients.sh what the page lets
#                                   clients do
start_hardened_server() {
	prepare
	debian_package openssl openssl
	local STAUNCH_CONFIG STAUNCH_ADMIN_LISTEN mask
	local -x HOME=$data/home
	mask=$(umask)
	mkdir -p "$data/etc/tls" "$data/other-ca" "$data/log" "$HOME/.aws"
	pushd "$data" >/dev/null
	page yaml /etc/staunch/staunch.yaml >etc/staunch.yaml
	page sh 'openssl req' >ca.sh
	(source ca.sh)
	sed "s:$data/etc/tls:$data/other-ca:" ca.sh >other-ca.sh
	(source other-ca.sh)
	page sh 'staunch serve' >server.sh
	source server.sh
	page sh 'aws --profile' >clients.sh

	staunch user create tester --account shop
	echo '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-east-1:111122223333:*",
		"Condition":{"Bool":{"aws:SecureTransport":"true"}}}}' >tester.json
	staunch policy put all tester.json --user tester --account shop
	staunch user create stranger --account shop
	# Whom the tests name in policies: with enforce they must be there.
	staunch account create partner --id 444455556666
	staunch user create bob --account shop
	echo '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}}' >trust.json
	staunch role create b --path /a/ --trust trust.json --account shop
	new_key stranger
	export CONFORMANCE_STRANGER_KEY_ID=$AWS_ACCESS_KEY_ID CONFORMANCE_STRANGER_SECRET=$AWS_SECRET_ACCESS_KEY
	new_key tester
	export CONFORMANCE_ACCOUNT=111122223333 CONFORMANCE_USER=tester AWS_REGION=us-east-1
	export AWS_CA_BUNDLE=$data/etc/tls/ca.pem NODE_EXTRA_CA_CERTS=$data/etc/tls/ca.pem CONFORMANCE_OTHER_CA=$data/other-ca/ca.pem
	export CONFORMANCE_AUTH=enforce CONFORMANCE_HARDENED=$data
	popd >/dev/null
	umask "$mask"
}

# page LANGUAGE TEXT: the block of the page that has this text, with the directories, addresses and names of this run.
page() {
	awk -v fence="\`\`\`$1" -v text="$2" '
		$0 == "```" && inside { inside = 0; if (index(block, text)) { printf "%s", block; found = 1; exit } }
		inside { block = block $0 "\n" }
		$0 == fence { inside = 1; block = "" }
		END { exit !found }' "$root/docs/operations/hardening.md" |
		sed -e "s:/etc/staunch:$data/etc:; s:/var/lib/staunch:$data/data:; s:/var/log/staunch:$data/log:" \
			-e 's/0\.0\.0\.0:443/127.0.0.1:0/; s/127\.0\.0\.1:9325/127.0.0.1:0/' \
			-e "s/DNS:sqs\.example\.com/IP:127.0.0.1/; s!https://sqs\.example\.com!${SQS_ENDPOINT:-}!g"
}

# staunch ARGUMENT...: the program. A server goes to the background, and later commands find it where it listens.
staunch() {
	if [ "$1" = serve ]; then
		started "$bin" "$@"
		export STAUNCH_ADMIN_LISTEN=${admin#http://}
	else
		"$bin" "$@"
	fi
}

# new_key USER: makes a key of a user and sets the variables of AWS to it.
new_key() {
	local lines
	lines=$(staunch key create "$1" --account shop -o env)
	eval "$lines"
}
