#!/usr/bin/env bash
# Runs the JavaScript suite. Called by ../run.sh. The suite is copied to the cache, beside the packages it needs.
source "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")"
debian_package node nodejs npm
debian_package npm npm
if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then # what older Debians have
	[ -x "$CONFORMANCE_CACHE/node/node_modules/.bin/node" ] ||
		npm install --no-fund --no-audit --loglevel=error --prefix "$CONFORMANCE_CACHE/node" node@22
	export PATH=$CONFORMANCE_CACHE/node/node_modules/.bin:$PATH
fi
work=$CONFORMANCE_CACHE/js
mkdir -p "$work"
rm -f "$work"/*.js
cp package.json package-lock.json ./*.js "$work/"
cd "$work"
hardened || rm hardened.test.js
if ! unchanged "$work" package-lock.json; then
	npm ci --no-fund --no-audit --loglevel=error
	completed "$work" package-lock.json
fi
version() {
	node -p "require('./node_modules/$1/package.json').version"
}
client_says "@aws-sdk/client-sqs $(version @aws-sdk/client-sqs), sqs-consumer $(version sqs-consumer), Node.js $(node --version)"
node --test --test-concurrency=4 --test-reporter=spec --test-reporter-destination=stdout \
	--test-reporter=./results-reporter.js --test-reporter-destination="$CONFORMANCE_RESULTS" ./*.test.js
