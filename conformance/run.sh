#!/usr/bin/env bash
# Runs real SQS clients against one endpoint and counts what they find.
#
#   conformance/run.sh                    every client
#   conformance/run.sh go cli             only these
#   SQS_ENDPOINT=http://... conformance/run.sh
#
# Without SQS_ENDPOINT it starts a server of its own on a free port, with an empty data directory, and stops it
# afterwards. The server is STAUNCH_BIN, or is built from this checkout. Clients are installed by package name into
# CONFORMANCE_CACHE (default .cache/conformance), which also keeps the logs and, per test, the results.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
all_clients="wire go python python-query cli js java"
export CONFORMANCE_CACHE=${CONFORMANCE_CACHE:-$root/.cache/conformance}
logs=$CONFORMANCE_CACHE/logs results=$CONFORMANCE_CACHE/results
server='' data=''

main() {
	local client clients=${*:-$all_clients} status=0
	for client in $clients; do
		[[ " $all_clients " == *" $client "* ]] || die "unknown client $client; there are: $all_clients"
	done
	mkdir -p "$logs" "$results"
	trap stop_server EXIT
	[ -n "${SQS_ENDPOINT:-}" ] || start_server
	echo "endpoint $SQS_ENDPOINT"
	for client in $clients; do
		run_client "$client"
	done
	local files=()
	for client in $clients; do
		files+=("$results/$client.tsv")
	done
	totals "conformance" "${files[@]}" || status=1
	return $status
}

die() {
	echo "conformance: $*" >&2
	exit 2
}

# start_server starts Staunch and waits until it answers. Sets SQS_ENDPOINT.
start_server() {
	local bin=${STAUNCH_BIN:-} port
	if [ -z "$bin" ]; then
		bin=$root/bin/staunch
		(cd "$root" && go build -o "$bin" ./cmd/staunch)
	fi
	data=$(mktemp -d)
	# The server verifies signatures: every call of every client is a test of them, too.
	export AWS_REGION=${AWS_REGION:-us-east-1} AWS_ACCESS_KEY_ID=AKIACONFORMANCE AWS_SECRET_ACCESS_KEY
	AWS_SECRET_ACCESS_KEY=$(head -c 30 /dev/urandom | base64) # with the + and / that secrets of AWS have
	env -u STAUNCH_BIN STAUNCH_ROOT_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" STAUNCH_ROOT_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
		"$bin" serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 --data "$data" --recreate-delay 0 --auth verify --auth-regions "$AWS_REGION" \
		>"$logs/server.out" 2>"$logs/server.err" &
	server=$!
	for _ in $(seq 600); do
		SQS_ENDPOINT=$(grep -o -m 1 'http://127\.0\.0\.1:[0-9]*' "$logs/server.out" | head -n 1 || true)
		port=${SQS_ENDPOINT##*:}
		if [ -n "$SQS_ENDPOINT" ] && answers "$port"; then
			export SQS_ENDPOINT CONFORMANCE_RECREATE_DELAY=0 CONFORMANCE_AUTH=verify
			return
		fi
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	cat "$logs/server.out" "$logs/server.err" >&2
	die "the server did not get ready"
}

# answers PORT: whether a ListQueues there is answered, which needs a signature.
answers() {
	local line
	exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
	printf 'GET /?Action=ListQueues&Version=2012-11-05 HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$1" >&3
	read -r -t 5 line <&3 || line=''
	exec 3<&-
	[[ $line == *" 403 "* ]]
} 2>/dev/null

stop_server() {
	[ -n "$server" ] || return 0
	kill "$server" 2>/dev/null || true
	wait "$server" 2>/dev/null || true
	rm -rf "$data"
}

# run_client runs one client's suite and prints its line; on failure also what failed and the end of the log.
run_client() {
	local client=$1 directory=$1 argument='' started=$SECONDS code=0
	export CONFORMANCE_RESULTS=$results/$client.tsv
	case $client in
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
