#!/usr/bin/env bash
# Runs the Go suite. Called by ../run.sh.
source "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")"
client_says "aws-sdk-go-v2 $(go list -m -f '{{.Version}}' github.com/aws/aws-sdk-go-v2), service/sqs $(go list -m -f '{{.Version}}' github.com/aws/aws-sdk-go-v2/service/sqs), $(go env GOVERSION)"
go_test -parallel 16 .
