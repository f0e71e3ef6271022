"""Signatures: what is signed right was checked by every other test, so these are about what is not."""

import datetime
import os
import re
import ssl

import boto3
import botocore.auth
import pytest
from botocore.config import Config

import support
from support import refused

pytestmark = pytest.mark.skipif(
    "CONFORMANCE_AUTH" not in os.environ, reason="the server is not known to verify signatures (CONFORMANCE_AUTH)"
)

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


def client(service="sqs", **changes):
    """A client with the right credentials, but for the changes."""
    parameters = {
        "endpoint_url": support.ENDPOINT,
        "region_name": os.environ.get("AWS_REGION", "us-east-1"),
        "aws_access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
        "config": Config(retries={"max_attempts": 0}),
    }
    return boto3.client(service, **{**parameters, **changes})


def test_wrong_secret():
    with refused("SignatureDoesNotMatch", MISMATCH, 403):
        client(aws_secret_access_key="wrong").list_queues()


def test_unknown_key():
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        client(aws_access_key_id="AKIANOBODY").list_queues()


def test_made_up_session_token():
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        client(aws_session_token="token").list_queues()


def test_wrong_region():
    with refused("SignatureDoesNotMatch", "Credential should be scoped to a valid region.", 403):
        client(region_name="eu-nowhere-1").list_queues()


@pytest.mark.parametrize("minutes, text", [(-16, "Signature expired: "), (16, "Signature not yet current: ")])
def test_skewed_clock(monkeypatch, minutes, text):
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(minutes=minutes)
    if hasattr(botocore.auth, "get_current_datetime"):
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda **_: now)
    else:

        class Skewed(datetime.datetime):
            @classmethod
            def utcnow(cls):
                return now

        monkeypatch.setattr(botocore.auth.datetime, "datetime", Skewed)
    with refused("SignatureDoesNotMatch", status=403) as caught:
        client().list_queues()
    assert caught.value.response["Error"]["Message"].startswith(text)


def test_tampered_body():
    sqs = client()

    def tamper(request, **_):
        body = request.body if isinstance(request.body, bytes) else request.body.encode()
        request.body = body.replace(b"before", b"behind")

    sqs.meta.events.register("before-send.sqs.ListQueues", tamper)
    with refused("SignatureDoesNotMatch", MISMATCH, 403):
        sqs.list_queues(QueueNamePrefix="before")


def test_presigned_url(new_queue):
    from urllib.request import urlopen

    queue = new_queue("presigned")
    if client().meta.service_model.metadata["protocol"] != "query":
        pytest.skip("this botocore presigns requests of the JSON protocol, whose target is no part of a URL")
    url = client().generate_presigned_url("send_message", Params={"QueueUrl": queue.url, "MessageBody": "hello & more"}, HttpMethod="GET")
    for _ in range(2):
        with urlopen(url, context=ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))) as answer:
            assert answer.status == 200
    assert support.bodies(queue.receive(2) + queue.receive(2)) == ["hello & more"] * 2


def test_who_am_i():
    account, user = os.environ.get("CONFORMANCE_ACCOUNT", "000000000000"), os.environ.get("CONFORMANCE_USER")
    identity = client("sts").get_caller_identity()
    arn = f"arn:aws:iam::{account}:" + (f"user/{user}" if user else "root")
    assert (identity["Account"], identity["Arn"]) == (account, arn)
    assert re.fullmatch("AIDA[A-Z0-9]{16,}" if user else account, identity["UserId"])
    with refused("SignatureDoesNotMatch", MISMATCH, 403):
        client("sts", aws_secret_access_key="wrong").get_caller_identity()
    with refused("InvalidAction", status=400):
        client("sts").get_session_token()


def test_sender_id(new_queue):
    queue = new_queue("sender")
    queue.send("hi")
    assert queue.receive_one(system=["SenderId"])["Attributes"]["SenderId"] == client("sts").get_caller_identity()["UserId"]


def test_another_account():
    # A queue that belongs to somebody else is out of reach, whether it exists or not.
    with refused("AccessDenied", status=403):
        client().purge_queue(QueueUrl=f"{support.ENDPOINT}/999999999999/anything")
    with refused("AWS.SimpleQueueService.NonExistentQueue"):
        client().get_queue_url(QueueName="anything", QueueOwnerAWSAccountId="999999999999")
