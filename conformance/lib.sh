# shellcheck shell=bash
# What the clients' run.sh scripts share. Sourced, not run. ../run.sh sets:
#   SQS_ENDPOINT          the server under test
#   CONFORMANCE_CACHE     where a client may install things; kept between runs
#   CONFORMANCE_RESULTS   file to append one line per test to: passed|failed|skipped <tab> name
set -euo pipefail
: "${SQS_ENDPOINT:?}" "${CONFORMANCE_CACHE:?}" "${CONFORMANCE_RESULTS:?}"
export SQS_ENDPOINT CONFORMANCE_CACHE CONFORMANCE_RESULTS
export AWS_ACCESS_KEY_ID=${AWS_ACCESS_KEY_ID:-test} AWS_SECRET_ACCESS_KEY=${AWS_SECRET_ACCESS_KEY:-test}
export AWS_REGION=${AWS_REGION:-us-east-1}
export AWS_DEFAULT_REGION=$AWS_REGION
# Nothing but the endpoint and the variables above may steer a client.
unset AWS_PROFILE AWS_ENDPOINT_URL AWS_ENDPOINT_URL_SQS
export npm_config_fetch_retries=5
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null

# client_says TEXT: the versions in use, for the log and the summary.
client_says() {
	echo "$1"
	echo "$1" >"$CONFORMANCE_RESULTS.version"
}

# hardened: whether the server is the one of hardened.sh, which some tests are about.
hardened() {
	[ -n "${CONFORMANCE_HARDENED:-}" ]
}

# result passed|failed|skipped NAME
result() {
	printf '%s\t%s\n' "$1" "$2" >>"$CONFORMANCE_RESULTS"
}

# unchanged DIR FILE...: whether DIR was completed for these files; call completed with the same arguments when it is.
unchanged() {
	local dir=$1
	shift
	[ -f "$dir/.installed" ] && [ "$(cat "$dir/.installed")" = "$(cat "$@" | cksum)" ]
}

completed() {
	local dir=$1
	shift
	cat "$@" | cksum >"$dir/.installed"
}

# venv DIR REQUIREMENTS: a Python environment with these packages.
venv() {
	unchanged "$1" "$2" && "$1/bin/python" --version >/dev/null 2>&1 && return
	debian_package python3 python3 python3-venv
	python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
	rm -rf "$1"
	python3 -m venv "$1"
	"$1/bin/pip" install --quiet --disable-pip-version-check --retries 10 -r "$2"
	completed "$1" "$2"
}

# go_test ARGUMENT...: runs go test and turns its outcome into results: one per test, or per subtest where there are any.
go_test() {
	local log code=0 more=(-skip '^TestHardened')
	if hardened; then
		more=(-exec "env SSL_CERT_FILE=$AWS_CA_BUNDLE") # what Go itself downloads is signed by other CAs
	fi
	log=$(mktemp)
	go test -count=1 -v -timeout 5m "${more[@]}" "$@" >"$log" 2>&1 || code=$?
	cat "$log"
	awk '
		/^ *--- (PASS|FAIL|SKIP): / {
			outcome[$3] = $2
			parent = $3
			if (sub(/\/[^\/]*$/, "", parent)) parents[parent] = 1
		}
		END {
			word["PASS:"] = "passed"; word["FAIL:"] = "failed"; word["SKIP:"] = "skipped"
			for (name in outcome)
				if (!(name in parents) || (outcome[name] == "FAIL:" && !failed_below(name))) print word[outcome[name]] "\t" name
		}
		function failed_below(name,  other) {
			for (other in outcome) if (index(other, name "/") == 1 && outcome[other] == "FAIL:") return 1
			return 0
		}' "$log" | sort -k 2 >>"$CONFORMANCE_RESULTS"
	rm -f "$log"
	return "$code"
}
