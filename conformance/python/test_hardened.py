"""What a hardened server alone shows: policies that act, and TLS. Only `run.sh --hardened` runs this."""

import json
import os

import pytest
from botocore.exceptions import SSLError

import support
from support import NOT_FOUND, refused
from test_auth import client

ACCOUNT = os.environ["CONFORMANCE_ACCOUNT"]
STRANGER = f"arn:aws:iam::{ACCOUNT}:user/stranger"


@pytest.fixture
def stranger():
    """A client of a user without a policy."""
    return client(
        aws_access_key_id=os.environ["CONFORMANCE_STRANGER_KEY_ID"],
        aws_secret_access_key=os.environ["CONFORMANCE_STRANGER_SECRET"],
    )


def denied(who, action, arn, why="because no identity-based policy allows the {} action"):
    """Checks that the block fails with AWS's words for a request that no policy allows."""
    message = f"User: {who} is not authorized to perform: {action} on resource: {arn} {why.format(action)}"
    return refused("AccessDenied", message, status=403)


def test_a_user_without_a_policy_is_denied(sqs, stranger, new_queue):
    queue = new_queue("denied")
    queue.send("stays")
    message = queue.receive_one()
    handle = message["ReceiptHandle"]
    calls = {
        "sendmessage": [
            lambda: stranger.send_message(QueueUrl=queue.url, MessageBody="m"),
            lambda: stranger.send_message_batch(QueueUrl=queue.url, Entries=[{"Id": "1", "MessageBody": "m"}]),
        ],
        "receivemessage": [lambda: stranger.receive_message(QueueUrl=queue.url)],
        "deletemessage": [lambda: stranger.delete_message(QueueUrl=queue.url, ReceiptHandle=handle)],
        "getqueueattributes": [lambda: stranger.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])],
        "setqueueattributes": [lambda: stranger.set_queue_attributes(QueueUrl=queue.url, Attributes={"Policy": ""})],
        "getqueueurl": [lambda: stranger.get_queue_url(QueueName=queue.name)],
        "purgequeue": [lambda: stranger.purge_queue(QueueUrl=queue.url)],
        "deletequeue": [lambda: stranger.delete_queue(QueueUrl=queue.url)],
        "createqueue": [lambda: stranger.create_queue(QueueName=queue.name)],
    }
    for action, asked in calls.items():
        for call in asked:
            with denied(STRANGER, f"sqs:{action}", queue.arn):
                call()
    with refused("AccessDenied", status=403):
        stranger.list_queues()
    with refused(NOT_FOUND):
        stranger.receive_message(QueueUrl=queue.url + "-not")
    queue.change_visibility(message, 0)
    assert queue.receive_one()["Body"] == "stays"


def test_a_queue_policy_lets_a_user_in(stranger, new_queue):
    queue = new_queue("let-in")
    allow = {"Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "sqs:SendMessage", "Resource": queue.arn}
    queue.set(Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    stranger.send_message(QueueUrl=queue.url, MessageBody="let in")
    with denied(STRANGER, "sqs:receivemessage", queue.arn):
        stranger.receive_message(QueueUrl=queue.url)
    assert queue.receive_one()["Body"] == "let in"


def test_secure_transport(new_queue):
    queue = new_queue("secure")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": queue.arn}

    def set_deny_when_secure(value):
        condition = {"Bool": {"aws:SecureTransport": value}}
        queue.set(Policy=json.dumps({"Version": "2012-10-17", "Statement": [{**deny, "Condition": condition}]}))

    set_deny_when_secure("false")
    queue.send("over TLS")
    set_deny_when_secure("true")
    me = client("sts").get_caller_identity()["Arn"]
    with denied(me, "sqs:sendmessage", queue.arn, "with an explicit deny in a resource-based policy"):
        queue.send("over TLS")


def test_a_certificate_of_another_ca_is_refused():
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        client(verify=os.environ["CONFORMANCE_OTHER_CA"]).list_queues()


def test_http_to_the_port_of_https():
    with refused("InvalidSecurity", "The request was not made over HTTPS.", status=403):
        client(endpoint_url=support.ENDPOINT.replace("https:", "http:")).list_queues()
