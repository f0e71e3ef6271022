#!/usr/bin/env bash
# Runs the raw HTTP checks. Called by ../run.sh.
source "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")"
client_says "net/http of $(go env GOVERSION)"
go_test -parallel 8 .
