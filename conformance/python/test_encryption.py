"""Encryption at rest, as far as the API shows it: which attributes a queue has, and errors about keys."""

import hashlib

from support import refused

ONE_KIND = (
    "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
)
NO_SUCH_KEY = "alias/no-such-key-of-the-conformance-suite"


def sse(queue):
    names = ("SqsManagedSseEnabled", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds")
    return queue.attributes(*names)


def test_one_kind_of_encryption_at_a_time(new_queue):
    queue = new_queue("sse")
    assert sse(queue) == {"SqsManagedSseEnabled": "true"}
    queue.set(KmsMasterKeyId="alias/aws/sqs")
    kms = {
        "SqsManagedSseEnabled": "false",
        "KmsMasterKeyId": "alias/aws/sqs",
        "KmsDataKeyReusePeriodSeconds": "300",
    }
    assert sse(queue) == kms
    with refused("InvalidAttributeName", ONE_KIND):
        queue.set(SqsManagedSseEnabled="true")
    queue.set(KmsMasterKeyId="")
    assert sse(queue) == {"SqsManagedSseEnabled": "false"}


def test_messages_come_back_from_before_and_after_a_switch(new_queue):
    queue = new_queue("sse-switch")
    queue.send("managed", MessageAttributes={"a": {"DataType": "String", "StringValue": "value"}})
    queue.set(KmsMasterKeyId="alias/aws/sqs", KmsDataKeyReusePeriodSeconds=60)
    queue.send("kms")
    queue.set(KmsMasterKeyId="")
    queue.send("plain")
    got = {}
    for _ in range(3):
        message = queue.receive_one(MessageAttributeNames=["All"])
        assert message["MD5OfBody"] == hashlib.md5(message["Body"].encode()).hexdigest()
        got[message["Body"]] = message.get("MessageAttributes", {}).get("a", {}).get("StringValue")
    assert got == {"managed": "value", "kms": None, "plain": None}


def test_a_key_that_is_not_there_fails_sends_and_receives(new_queue):
    queue = new_queue("no-key", KmsMasterKeyId=NO_SUCH_KEY)
    with refused("KMS.NotFoundException"):
        queue.send("body")
    with refused("KMS.NotFoundException"):
        queue.send_batch([{"Id": "1", "MessageBody": "body"}])
    with refused("KMS.NotFoundException"):
        queue.receive()
    assert queue.attributes("ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "0"}


def test_content_based_deduplication_shows_the_hash_of_the_body(new_queue):
    queue = new_queue("sse-dedup", FifoQueue="true", ContentBasedDeduplication="true")
    first = queue.send("body", MessageGroupId="g")
    digest = hashlib.sha256(b"body").hexdigest()
    again = queue.send("another body", MessageGroupId="g", MessageDeduplicationId=digest)
    assert again["MessageId"] == first["MessageId"]
    message = queue.receive_one(system=["MessageDeduplicationId"])
    assert message["Attributes"] == {"MessageDeduplicationId": digest}
