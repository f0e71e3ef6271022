"""Fixtures of the suite, and the plugin that writes one result per line for run.sh."""

import os

import boto3
import pytest
from botocore.config import Config

import support

if "CONFORMANCE_HARDENED" not in os.environ:
    collect_ignore = ["test_hardened.py"]


@pytest.fixture(scope="session")
def sqs():
    """A client for the endpoint under test. It never retries: a retry would hide a fault."""
    client = boto3.client(
        "sqs",
        endpoint_url=support.ENDPOINT,
        region_name=os.environ.get("AWS_REGION", "us-east-1"),
        aws_access_key_id=os.environ.get("AWS_ACCESS_KEY_ID", "test"),
        aws_secret_access_key=os.environ.get("AWS_SECRET_ACCESS_KEY", "test"),
        config=Config(
            retries={"max_attempts": 0},
            connect_timeout=5,
            read_timeout=30,
            max_pool_connections=32,
        ),
    )
    expected = os.environ.get("CONFORMANCE_PROTOCOL")
    actual = client.meta.service_model.metadata["protocol"]
    assert expected in (None, actual), f"this botocore speaks {actual}, not {expected}"
    return client


@pytest.fixture
def new_queue(sqs):
    """Creates queues that are deleted after the test: new_queue("name", attribute=value...)."""
    created = []

    def create(purpose, tags=None, **attributes):
        name = support.unique_name(purpose, fifo=attributes.get("FifoQueue") == "true")
        request = {"QueueName": name, "Attributes": {k: str(v) for k, v in attributes.items()}}
        if tags:
            request["tags"] = tags
        queue = support.Queue(sqs, sqs.create_queue(**request)["QueueUrl"], name)
        created.append(queue)
        return queue

    yield create
    for queue in created:
        try:
            sqs.delete_queue(QueueUrl=queue.url)
        except sqs.exceptions.QueueDoesNotExist:
            pass  # the test deleted it


def pytest_runtest_logreport(report):
    """Appends "passed|failed|skipped <test>" to the file that CONFORMANCE_RESULTS names."""
    path = os.environ.get("CONFORMANCE_RESULTS")
    if not path or (report.when != "call" and report.passed):
        return
    if report.when != "call" and report.failed:
        outcome = "failed"
    else:
        outcome = report.outcome
    name = report.nodeid.split("/")[-1].replace(".py::", "/")
    with open(path, "a", encoding="utf-8") as results:
        results.write(f"{outcome}\t{name}\n")
