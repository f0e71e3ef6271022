#!/usr/bin/env bash
# Runs real SQS clients against one endpoint and counts what they find.
#
#   conformance/run.sh                    every client
#   conformance/run.sh go cli             only these
#   conformance/run.sh --hardened [...]   the same over TLS, as a user with a policy
#   SQS_ENDPOINT=http://... conformance/run.sh
#
# Without SQS_ENDPOINT it starts a server of its own on a free port, with an empty data directory, and stops it
# afterwards; with --hardened, the one that docs/operations/hardening.md sets up. The server is STAUNCH_BIN, or is built
# from this checkout. Clients are installed by package name into CONFORMANCE_CACHE (default .cache/conformance), which
# also keeps the logs and, per test, the results.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
all_clients="wire go python python-query cli js java"
export CONFORMANCE_CACHE=${CONFORMANCE_CACHE:-$root/.cache/conformance}
logs=$CONFORMANCE_CACHE/logs results=$CONFORMANCE_CACHE/results
bin=${STAUNCH_BIN:-} server='' data='' admin=''
unset STAUNCH_BIN # Staunch takes what begins like this for settings

main() {
	local client clients kind='' status=0
	if [ "${1:-}" = --hardened ]; then
		shift
		kind=-hardened
		[ -z "${SQS_ENDPOINT:-}" ] || die "--hardened sets up a server of its own: unset SQS_ENDPOINT"
	fi
	clients=${*:-$all_clients}
	for client in $clients; do
		[[ " $all_clients " == *" $client "* ]] || die "unknown client $client; there are: $all_clients"
	done
	mkdir -p "$logs" "$results"
	trap stop_server EXIT
	if [ -n "$kind" ]; then
		source "$here/hardened.sh"
		start_hardened_server >&2
	elif [ -z "${SQS_ENDPOINT:-}" ]; then
		start_server
	fi
	echo "endpoint $SQS_ENDPOINT"
	local files=()
	for client in $clients; do
		run_client "$client" "$client$kind"
		files+=("$results/$client$kind.tsv")
	done
	totals "conformance" "${files[@]}" || status=1
	return $status
}

die() {
	echo "conformance: $*" >&2
	exit 2
}

# start_server starts Staunch with signatures to verify, so that every call of every client is a test of them, too.
start_server() {
	prepare
	export AWS_REGION=${AWS_REGION:-us-east-1} AWS_ACCESS_KEY_ID=AKIACONFORMANCE AWS_SECRET_ACCESS_KEY
	AWS_SECRET_ACCESS_KEY=$(head -c 30 /dev/urandom | base64) # with the + and / that secrets of AWS have
	started env STAUNCH_ROOT_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" STAUNCH_ROOT_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
		"$bin" serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --data "$data" --recreate-delay 0 --auth verify --auth-regions "$AWS_REGION"
	export CONFORMANCE_RECREATE_DELAY=0 CONFORMANCE_AUTH=verify
}

# prepare sets bin to a program and data to an empty directory.
prepare() {
	if [ -z "$bin" ]; then
		bin=$root/bin/staunch
		(cd "$root" && go build -o "$bin" ./cmd/staunch)
	fi
	bin=$(realpath "$bin")
	data=$(mktemp -d)
}

# started COMMAND...: starts a server by this command and waits until it is ready. Sets SQS_ENDPOINT and admin.
started() {
	"$@" >"$logs/server$kind.out" 2>"$logs/server$kind.err" &
	server=$!
	for _ in $(seq 600); do
		SQS_ENDPOINT=$(sed -n 's/^Staunch answers Amazon SQS at //p' "$logs/server$kind.out")
		admin=$(sed -n 's/^health, readiness and metrics: //p' "$logs/server$kind.out")
		if [ -n "$admin" ] && "$bin" healthcheck --url "$admin" >/dev/null 2>&1; then
			export SQS_ENDPOINT
			return
		fi
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	cat "$logs/server$kind.out" "$logs/server$kind.err" >&2
	die "the server did not get ready"
}

stop_server() {
	if [ -n "$server" ]; then
		kill "$server" 2>/dev/null || true
		wait "$server" 2>/dev/null || true
	fi
	[ -z "$data" ] || rm -rf "$data"
}

# run_client CLIENT NAME: runs a client's suite and prints its line, by this name; on failure also what failed and the end
# of the log.
run_client() {
	local directory=$1 client=$2 argument='' started=$SECONDS code=0
	export CONFORMANCE_RESULTS=$results/$client.tsv
	case $directory in
	python) argument=current ;;
	python-query) directory=python argument=query ;;
	esac
	rm -f "$CONFORMANCE_RESULTS" "$CONFORMANCE_RESULTS.version"
	: >"$CONFORMANCE_RESULTS"
	"$here/$directory/run.sh" $argument >"$logs/$client.log" 2>&1 </dev/null || code=$?
	if [ $code != 0 ] && ! grep -q '^failed' "$CONFORMANCE_RESULTS"; then
		printf 'failed\t%s did not finish (exit %s)\n' "$client" "$code" >>"$CONFORMANCE_RESULTS"
	fi
	[ -s "$CONFORMANCE_RESULTS" ] || printf 'failed\t%s ran no test\n' "$client" >>"$CONFORMANCE_RESULTS"
	if ! totals "conformance $client" "$CONFORMANCE_RESULTS"; then
		sed -n 's/^failed\t/  failed: /p' "$CONFORMANCE_RESULTS"
		echo "  $logs/$client.log ends with:"
		tail -n "${CONFORMANCE_LOG_LINES:-60}" "$logs/$client.log" | sed 's/^/  | /'
	fi
	echo "  $client: $(cat "$CONFORMANCE_RESULTS.version" 2>/dev/null || echo 'version unknown'), $((SECONDS - started)) s with installation"
}

# totals LABEL FILE...: prints the counts; fails if any test failed.
totals() {
	local label=$1
	shift
	cat "$@" | awk -F '\t' -v label="$label" '
		{ count[$1]++ }
		END {
			printf "%s: %d passed, %d failed, %d skipped\n", label, count["passed"], count["failed"], count["skipped"]
			exit count["failed"] > 0
		}'
}

main "$@"
