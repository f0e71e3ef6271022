#!/usr/bin/env bash
# Runs the AWS CLI's checks. Called by ../run.sh.
source "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")"
venv "$CONFORMANCE_CACHE/cli" requirements.txt
export PATH=$CONFORMANCE_CACHE/cli/bin:$PATH
client_says "$(aws --version 2>&1)"
source ./checks.sh
if hardened; then
	source ./hardened.sh
fi
run_checks
