#!/usr/bin/env bash
# Runs the Go benchmarks of what every request passes through, of this tree and of another commit by turns, and compares the two.
#
#   bench/hotpaths.sh [COMMIT]            default: HEAD, to see what is not committed yet
#   COUNT=6 TIME=200ms PACKAGES="sqs queue" BENCH=Send bench/hotpaths.sh main
#
# SKIP leaves benchmarks out, by default those that first fill a queue with a hundred thousand messages and more.
# Times are of a machine on which other things run; turns make both meet them. Allocations are exact.
set -euo pipefail

commit=${1:-HEAD} count=${COUNT:-6} time=${TIME:-200ms} bench=${BENCH:-.} skip=${SKIP:-Memory|Pause|NoisyGroup|StuckGroup|waiting=1|flying=1|in_flight=1}
packages=${PACKAGES:-gateway gateway/awsjson sigv4 iam sqs shard queue journal}
benchstat=golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)

cleanup() {
	git -C "$root" worktree remove --force "$work/tree" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

# compile TREE NAME: a test binary for each package that TREE has.
compile() {
	local package
	mkdir -p "$work/$2"
	for package in $packages; do
		[ -d "$1/internal/$package" ] || continue
		(cd "$1" && go test -c -o "$work/$2/${package//\//-}" "./internal/$package")
	done
}

git -C "$root" worktree add --quiet --detach "$work/tree" "$commit"
compile "$work/tree" before
compile "$root" after
for turn in $(seq "$count"); do
	for package in $packages; do
		echo "turn $turn of $count: $package" >&2
		for side in before after; do
			binary=$work/$side/${package//\//-}
			[ -x "$binary" ] || continue
			(cd "$root/internal/$package" && "$binary" -test.run '^$' -test.bench "$bench" -test.skip "$skip" -test.benchmem -test.benchtime "$time") \
				>>"$work/$side.txt" || { cat "$work/$side.txt" >&2; exit 1; }
		done
	done
done
go run "$benchstat" before="$work/before.txt" after="$work/after.txt"
