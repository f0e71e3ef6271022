"""Messages: bodies, attributes, digests, sizes, batches, purge, and the errors of each."""

import time

import pytest

from support import NOT_FOUND, bodies, binary, md5, md5_of_attributes, refused, text

MIB = 1_048_576
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def test_life_of_a_message(new_queue):
    queue = new_queue("life")
    sent = queue.send("hello")
    assert sent["MD5OfMessageBody"] == md5("hello")
    assert "MD5OfMessageAttributes" not in sent and "SequenceNumber" not in sent
    message = queue.receive_one()
    assert (message["Body"], message["MD5OfBody"]) == ("hello", md5("hello"))
    assert message["MessageId"] == sent["MessageId"]
    assert not {"Attributes", "MessageAttributes", "MD5OfMessageAttributes"} & set(message)
    assert queue.receive() == []  # in flight
    queue.delete(message)
    queue.delete(message)  # again: success, no effect
    assert queue.attributes("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible") == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
    }


@pytest.mark.parametrize(
    "body",
    [
        "plain",
        "Grüße, 世界, 🦆, e\u0301",
        "<a href=\"x\">&amp; 'y' ]]></a>",
        "line\r\nnext\rlone\n\ttab",
        "\r",
        "  spaces stay  ",
        " ",
        "a+b %2B c&d=e;f?g#h",
        '{"json": "\\u0041\\\\", "n": [1, null]}',
        "\ud7ff\ue000\ufffd\U00010000\U0010ffff",
    ],
    ids=["plain", "unicode", "xml", "newlines", "cr", "outer-spaces", "blank", "form", "json", "edges"],
)
def test_bodies_come_back_as_sent(new_queue, body):
    queue = new_queue("body")
    sent = queue.send(body, MessageAttributes={"same": text(body)})
    assert sent["MD5OfMessageBody"] == md5(body)
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes({"same": text(body)})
    message = queue.receive_one(MessageAttributeNames=["All"])
    assert message["Body"] == body
    assert message["MessageAttributes"]["same"]["StringValue"] == body
    assert message["MD5OfBody"] == md5(body)


def test_forbidden_characters_are_refused(new_queue):
    queue = new_queue("forbidden")
    for body in ["\x08", "a\ufffe", "a\x1fb"]:
        with refused("InvalidMessageContents", exception="InvalidMessageContents"):
            queue.send(body)
    with refused("MissingParameter", "The request must contain the parameter MessageBody."):
        queue.send("")
    assert queue.receive() == []


def test_message_attributes_and_their_digests(new_queue):
    queue = new_queue("attributes")
    attributes = {
        "color": text("blue"),
        "count": text("3", "Number"),
        "blob": binary(b"\x01\x02\x03"),
    }
    assert md5_of_attributes(attributes) == "d838729972a4b70e2d2acd9d59ac847c"  # recorded from AWS
    sent = queue.send("m", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == "d838729972a4b70e2d2acd9d59ac847c"
    message = queue.receive_one(MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == "d838729972a4b70e2d2acd9d59ac847c"

    labelled = {
        "gif": binary(bytes(range(256)), "Binary.gif"),
        "big": text("-12345678901234567890.123456789e10", "Number.decimal"),
        "say": text("<&>\r\n\"", "String.quoted"),
    }
    sent = queue.send("labelled", MessageAttributes=labelled)
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(labelled)
    message = queue.receive_one(MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == labelled


@pytest.mark.parametrize(
    "names, returned, digest",
    [
        (["All"], {"Help.Me", "Hello", "General"}, "4c360f3fdafd970e05fae2f149d997f5"),
        ([".*"], {"Help.Me", "Hello", "General"}, "4c360f3fdafd970e05fae2f149d997f5"),
        (["*"], {"Help.Me", "Hello", "General"}, "4c360f3fdafd970e05fae2f149d997f5"),
        (["Hel.*"], {"Help.Me", "Hello"}, "83fee93c1bcd8b9a5a923ffacdc636c7"),
        (["Hello", "General", "None"], {"Hello", "General"}, "fca026605781cb4126a1e9044df24232"),
        (["hello"], set(), None),
        ([], set(), None),
    ],
    ids=["All", "dot-star", "star", "prefix", "names", "case", "none"],
)
def test_receive_returns_the_attributes_asked_for(new_queue, names, returned, digest):
    queue = new_queue("filter")
    queue.send(
        "m", MessageAttributes={"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi")}
    )
    message = queue.receive_one(MessageAttributeNames=names)
    assert set(message.get("MessageAttributes", {})) == returned
    assert message.get("MD5OfMessageAttributes") == digest


def test_message_attribute_errors(new_queue):
    queue = new_queue("attribute-errors")

    def check(attributes, message=None, code="InvalidParameterValue"):
        with refused(code, message):
            queue.send("m", MessageAttributes=attributes)

    check({"a": text("")}, "Message (user) attribute 'a' must contain a non-empty value of type 'String'.")
    check({"n": text("1x", "Number")}, "Can't cast the value of message (user) attribute 'n' to a number.")
    check(
        {"t": text("1", "Float")},
        "The type of message (user) attribute 't' is invalid. "
        "You must use only the following supported type prefixes: Binary, Number, String.",
    )
    check(
        {f"a{i}": text("x") for i in range(11)},
        "Number of message attributes [11] exceeds the allowed maximum [10].",
    )
    check({"control": text("\x08")})
    for name in ["AWS.x", "aws.x", "Amazon.x", ".x", "x.", 'a!"', "x" * 257]:
        check({name: text("x")})
    queue.send("m", MessageAttributes={f"a{i}": text("x") for i in range(10)})


def test_system_attributes(new_queue):
    queue = new_queue("system")
    before = int(time.time() * 1000) - 1000
    sent = queue.send(
        "traced", MessageSystemAttributes={"AWSTraceHeader": text(TRACE)}, MessageGroupId="tenant-1"
    )
    assert sent["MD5OfMessageSystemAttributes"] == "5ae4d5d7636402d80f4eb6d213245a88"  # recorded from AWS
    attributes = queue.receive_one(system=["All"], VisibilityTimeout=0)["Attributes"]
    assert set(attributes) == {
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "AWSTraceHeader",
        "MessageGroupId",
    }
    assert attributes["AWSTraceHeader"] == TRACE
    assert attributes["MessageGroupId"] == "tenant-1"
    assert attributes["ApproximateReceiveCount"] == "1"
    assert before < int(attributes["SentTimestamp"]) <= int(attributes["ApproximateFirstReceiveTimestamp"])
    again = queue.receive_one(system=["ApproximateReceiveCount", "SequenceNumber"], VisibilityTimeout=0)
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}


def test_size_is_limited_by_the_queue(new_queue):
    queue = new_queue("size", MaximumMessageSize=1024)
    too_long = "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
    queue.send("x" * 1024)
    with refused("InvalidParameterValue", too_long):
        queue.send("x" * 1025)
    queue.send("é" * 512)  # bytes count, not characters
    with refused("InvalidParameterValue", too_long):
        queue.send("é" * 512 + "x")
    name, kind, value = "name", "String.kind", "v" * 100
    room = 1024 - len(name) - len(kind) - len(value)
    queue.send("x" * room, MessageAttributes={name: text(value, kind)})
    with refused("InvalidParameterValue", too_long):
        queue.send("x" * (room + 1), MessageAttributes={name: text(value, kind)})


def test_a_message_may_be_one_mebibyte(new_queue):
    queue = new_queue("mebibyte")
    body = "0123456789abcdef" * (MIB // 16)
    queue.send(body)
    assert queue.receive_one()["Body"] == body
    with refused(
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    ):
        queue.send(body + "x")


def test_batch_of_ten_with_one_bad_entry(new_queue):
    queue = new_queue("batch", MaximumMessageSize=1024)
    entries = [{"Id": f"id-{i}", "MessageBody": f"body {i}"} for i in range(10)]
    entries[3]["MessageBody"] = "x" * 1025
    entries[5]["MessageAttributes"] = {"k": text("x")}
    answer = queue.send_batch(entries)
    assert [entry["Id"] for entry in answer["Successful"]] == [f"id-{i}" for i in range(10) if i != 3]
    assert answer["Failed"] == [
        {
            "Id": "id-3",
            "SenderFault": True,
            "Code": "InvalidParameterValue",
            "Message": "One or more parameters cannot be validated. "
            "Reason: Message must be shorter than 1024 bytes.",
        }
    ]
    by_id = {entry["Id"]: entry for entry in answer["Successful"]}
    assert by_id["id-0"]["MD5OfMessageBody"] == md5("body 0")
    assert by_id["id-5"]["MD5OfMessageAttributes"] == "a45daa70926828a2f0a1db3418e6feb4"

    received = []
    while len(received) < 9:
        messages = queue.receive(maximum=10, WaitTimeSeconds=2)
        assert messages, f"only {len(received)} of 9 came"
        received += messages
    assert sorted(bodies(received)) == sorted(f"body {i}" for i in range(10) if i != 3)

    changes = [
        {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 60}
        for i, message in enumerate(received)
    ]
    changes[1]["ReceiptHandle"] = "not a handle"
    changes[2]["VisibilityTimeout"] = 43201
    answer = queue.client.change_message_visibility_batch(QueueUrl=queue.url, Entries=changes)
    assert [entry["Id"] for entry in answer["Successful"]] == ["0"] + [str(i) for i in range(3, 9)]
    assert {entry["Id"]: entry["Code"] for entry in answer["Failed"]} == {
        "1": "ReceiptHandleIsInvalid",
        "2": "InvalidParameterValue",
    }

    deletions = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(received)]
    deletions.append({"Id": "bad", "ReceiptHandle": "not a handle"})
    answer = queue.client.delete_message_batch(QueueUrl=queue.url, Entries=deletions)
    assert [entry["Id"] for entry in answer["Successful"]] == [str(i) for i in range(9)]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"], failed["Code"]) == ("bad", True, "ReceiptHandleIsInvalid")
    assert queue.receive(maximum=10) == []


def test_batch_where_every_entry_fails(new_queue):
    queue = new_queue("all-fail", MaximumMessageSize=1024)
    answer = queue.send_batch([{"Id": "a", "MessageBody": "x" * 2000}, {"Id": "b", "MessageBody": "bad \x08"}])
    assert "Successful" not in answer
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [
        ("a", "InvalidParameterValue"),
        ("b", "InvalidMessageContents"),
    ]


def test_batch_requests_are_refused_whole(sqs, new_queue):
    queue = new_queue("whole")
    prefix = "AWS.SimpleQueueService."

    def entries(*ids, body="x"):
        return [{"Id": id, "MessageBody": body} for id in ids]

    with refused(
        prefix + "EmptyBatchRequest",
        "There should be at least one SendMessageBatchRequestEntry in the request.",
        exception="EmptyBatchRequest",
    ):
        queue.send_batch([])
    with refused(
        prefix + "EmptyBatchRequest", "There should be at least one DeleteMessageBatchRequestEntry in the request."
    ):
        sqs.delete_message_batch(QueueUrl=queue.url, Entries=[])
    with refused(prefix + "EmptyBatchRequest", exception="EmptyBatchRequest"):
        sqs.change_message_visibility_batch(QueueUrl=queue.url, Entries=[])
    with refused(
        prefix + "TooManyEntriesInBatchRequest",
        "Maximum number of entries per request are 10. You have sent 20.",
        exception="TooManyEntriesInBatchRequest",
    ):
        queue.send_batch(entries(*(str(i) for i in range(20))))
    with refused(prefix + "BatchEntryIdsNotDistinct", "Id b repeated.", exception="BatchEntryIdsNotDistinct"):
        queue.send_batch(entries("a", "b", "c", "b", "c"))
    bad_id = (
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
        "It can be at most 80 letters long."
    )
    for id in ["a b", "", "x" * 81, "ä"]:
        with refused(prefix + "InvalidBatchEntryId", bad_id, exception="InvalidBatchEntryId"):
            queue.send_batch(entries(id))
    half = MIB // 2
    queue.send_batch(entries("a", "b", body="x" * half))
    with refused(
        prefix + "BatchRequestTooLong",
        "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.",
        exception="BatchRequestTooLong",
    ):
        queue.send_batch(entries("a", body="x" * half) + entries("b", body="x" * (half + 1)))


def test_receive_parameters_have_ranges(new_queue):
    queue = new_queue("receive-ranges")

    def check(message, **parameters):
        with refused("InvalidParameterValue", message):
            queue.receive(**parameters)

    check(
        "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
        maximum=11,
    )
    check(
        "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
        WaitTimeSeconds=21,
    )
    check(None, VisibilityTimeout=43201)
    with refused(
        "InvalidParameterValue",
        "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
    ):
        queue.send("x", DelaySeconds=901)


def test_group_ids_have_a_character_rule(new_queue):
    queue = new_queue("group-id")
    queue.send("x", MessageGroupId="a" * 128)
    for group in ["", "a" * 129, "in ner", "ü"]:
        with refused(
            "InvalidParameterValue",
            f"Value {group} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include "
            "alphanumeric and punctuation characters. 1 to 128 in length.",
        ):
            queue.send("x", MessageGroupId=group)
    with refused("InvalidParameterValue"):
        queue.send("x", MessageDeduplicationId="d")


def test_purge(sqs, new_queue):
    queue = new_queue("purge")
    for i in range(3):
        queue.send(f"m{i}")
    queue.send("delayed", DelaySeconds=900)
    in_flight = queue.receive_one()
    sqs.purge_queue(QueueUrl=queue.url)
    assert queue.receive(maximum=10) == []
    counts = queue.attributes(
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    )
    assert set(counts.values()) == {"0"}
    queue.delete(in_flight)
    with refused(
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.",
        status=403,
        exception="PurgeQueueInProgress",
    ):
        sqs.purge_queue(QueueUrl=queue.url)


def test_queue_urls_of_any_host_are_understood(sqs, new_queue):
    queue = new_queue("host")
    queue.send("found by its path")
    account = queue.url.split("/")[-2]
    protocol = sqs.meta.service_model.metadata["protocol"]
    if protocol == "query":
        pytest.skip("this botocore connects to the host of the queue URL")
    for url in [f"https://sqs.us-east-1.amazonaws.com/{account}/{queue.name}", queue.name]:
        assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    with refused(NOT_FOUND):
        sqs.receive_message(QueueUrl="http://whatever-incorrect-queue-address")
