#!/usr/bin/env bash
# Runs the Python suite with boto3 of one era: run.sh current | query. Called by ../run.sh.
source "$(dirname "$0")/../lib.sh"
era=${1:?current or query}
case $era in
current) export CONFORMANCE_PROTOCOL=json ;;
query) export CONFORMANCE_PROTOCOL=query ;;
esac
cd "$(dirname "$0")"
venv "$CONFORMANCE_CACHE/python-$era" "requirements-$era.txt"
client_says "$("$CONFORMANCE_CACHE/python-$era/bin/python" -c 'import boto3, botocore, platform; print(f"boto3 {boto3.__version__}, botocore {botocore.__version__}, Python {platform.python_version()}")')"
PYTHONDONTWRITEBYTECODE=1 exec "$CONFORMANCE_CACHE/python-$era/bin/python" -m pytest --tb=short .
