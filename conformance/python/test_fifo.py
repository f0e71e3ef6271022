"""FIFO queues: order, groups and their locks, deduplication, sequence numbers."""

import time

import pytest

from support import PROMPT, Waiting, bodies, refused


@pytest.fixture
def fifo(new_queue):
    def create(purpose, **attributes):
        return new_queue(purpose, FifoQueue="true", **attributes)

    return create


def send(queue, body, group="g", dedup=None):
    """Sends with the body as the deduplication ID unless dedup says otherwise; "" means none."""
    parameters = {"MessageDeduplicationId": body if dedup is None else dedup}
    if parameters["MessageDeduplicationId"] == "":
        parameters = {}
    return queue.send(body, MessageGroupId=group, **parameters)


def test_order_and_sequence_numbers(fifo):
    queue = fifo("order")
    sent = [send(queue, f"m{i}")["SequenceNumber"] for i in range(5)]
    assert all(len(number) == 20 and number.isdigit() for number in sent)
    assert sent == sorted(set(sent))
    messages = queue.receive(maximum=10, system=["All"], WaitTimeSeconds=5)
    assert bodies(messages) == [f"m{i}" for i in range(5)]
    assert [message["Attributes"]["SequenceNumber"] for message in messages] == sent
    first = messages[0]["Attributes"]
    assert (first["MessageGroupId"], first["MessageDeduplicationId"]) == ("g", "m0")


def test_a_group_waits_for_its_first_message(fifo):
    queue = fifo("lock")
    for body, group in [("a1", "a"), ("a2", "a"), ("b1", "b")]:
        send(queue, body, group)
    a1 = queue.receive_one()
    assert a1["Body"] == "a1"
    assert bodies(queue.receive(maximum=10)) == ["b1"]  # a2 waits behind a1
    send(queue, "a3", "a")  # sending does not unlock
    assert queue.receive(maximum=10) == []
    queue.delete(a1)
    assert bodies(queue.receive(maximum=10)) == ["a2", "a3"]


def test_a_receive_takes_whole_groups_in_order(fifo):
    queue = fifo("grouped")
    for body in ["g1-m1", "g2-m1", "g1-m2", "g1-m3"]:
        send(queue, body, body[:2])
    assert bodies(queue.receive(maximum=10)) == ["g1-m1", "g1-m2", "g1-m3", "g2-m1"]


def test_a_batch_received_together_holds_the_group(fifo):
    queue = fifo("held")
    for body in ["m1", "m2", "m3"]:
        send(queue, body)
    m1, m2 = queue.receive(maximum=2)
    queue.delete(m1)
    assert queue.receive() == []  # m2 is still in flight
    queue.change_visibility(m2, 0)
    assert bodies(queue.receive(maximum=10)) == ["m2", "m3"]


def test_only_the_head_returns_while_a_later_one_is_in_flight(fifo):
    queue = fifo("head")
    for body in ["m1", "m2", "m3"]:
        send(queue, body)
    m1, _ = queue.receive(maximum=2)
    queue.change_visibility(m1, 0)
    assert bodies(queue.receive(maximum=10)) == ["m1"]


def test_long_poll_wakes_when_a_group_unlocks(fifo):
    queue = fifo("wake")
    send(queue, "m1")
    send(queue, "m2")
    m1 = queue.receive_one()
    waiting = Waiting(lambda: queue.receive(maximum=10, WaitTimeSeconds=20))
    queue.delete(m1)
    assert bodies(waiting.promptly()) == ["m2"]


def test_an_expired_handle_cannot_delete(fifo):
    queue = fifo("expired", VisibilityTimeout=1)
    send(queue, "m")
    message = queue.receive_one()
    time.sleep(1.2)
    with refused(
        "InvalidParameterValue",
        f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
        "Reason: The receipt handle has expired.",
    ):
        queue.delete(message)
    again = queue.receive_one(VisibilityTimeout=600)
    queue.delete(again)
    queue.delete(again)  # already deleted: success


def test_deduplication_by_id(fifo):
    queue = fifo("dedup")
    first = send(queue, "one", "a", "same")
    again = send(queue, "another body", "b", "same")  # the scope is the queue, and only the ID counts
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    message = queue.receive_one()
    queue.delete(message)
    send(queue, "one", "a", "same")  # the memory survives the delete
    assert queue.receive() == []


def test_deduplication_by_group(fifo):
    queue = fifo("dedup-group", DeduplicationScope="messageGroup")
    a = send(queue, "a", "a", "same")
    b = send(queue, "b", "b", "same")
    assert a["MessageId"] != b["MessageId"]
    assert send(queue, "a", "a", "same")["MessageId"] == a["MessageId"]
    assert sorted(bodies(queue.receive(maximum=10))) == ["a", "b"]


def test_deduplication_by_content(fifo):
    queue = fifo("dedup-content", ContentBasedDeduplication="true")
    first = send(queue, "same", dedup="")
    again = queue.send(
        "same", MessageGroupId="g", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}}
    )
    assert first["MessageId"] == again["MessageId"]  # attributes do not count
    assert send(queue, "same", dedup="explicit")["MessageId"] != first["MessageId"]
    messages = queue.receive(maximum=10, system=["All"])
    assert [message["Attributes"]["MessageDeduplicationId"] for message in messages] == [
        "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5",  # recorded from AWS
        "explicit",
    ]


def test_purge_clears_the_deduplication_memory(sqs, fifo):
    queue = fifo("dedup-purge")
    first = send(queue, "m")
    sqs.purge_queue(QueueUrl=queue.url)
    assert send(queue, "m")["MessageId"] != first["MessageId"]
    assert bodies(queue.receive()) == ["m"]


def test_batches_keep_their_order(fifo):
    queue = fifo("batch")
    entries = [
        {"Id": str(i), "MessageBody": f"m{i}", "MessageGroupId": "g", "MessageDeduplicationId": f"d{i}"}
        for i in range(10)
    ]
    entries[9]["MessageDeduplicationId"] = "d8"
    answer = queue.send_batch(entries)
    numbers = [entry["SequenceNumber"] for entry in answer["Successful"]]
    assert numbers[:9] == sorted(set(numbers)) and numbers[9] == numbers[8]
    ids = [entry["MessageId"] for entry in answer["Successful"]]
    assert ids[9] == ids[8]
    assert bodies(queue.receive(maximum=10)) == [f"m{i}" for i in range(9)]


def test_send_errors(fifo):
    queue = fifo("errors")
    no_dedup = (
        "The queue should either have ContentBasedDeduplication enabled or "
        "MessageDeduplicationId provided explicitly"
    )
    no_group = "The request must contain the parameter MessageGroupId."
    with refused("MissingParameter", no_group):
        queue.send("m", MessageDeduplicationId="d")
    with refused("MissingParameter", no_group):
        queue.send("m")
    with refused("InvalidParameterValue", no_dedup):
        queue.send("m", MessageGroupId="g")
    with refused(
        "InvalidParameterValue",
        "Value 1 for parameter DelaySeconds is invalid. "
        "Reason: The request include parameter that is not valid for this queue type.",
    ):
        queue.send("m", MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=1)
    with refused(
        "InvalidParameterValue",
        "Value in ner for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only "
        "include alphanumeric and punctuation characters. 1 to 128 in length.",
    ):
        queue.send("m", MessageGroupId="g", MessageDeduplicationId="in ner")
    good = {"Id": "good", "MessageBody": "m", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    with refused("InvalidParameterValue", no_group):
        queue.send_batch([good, {"Id": "bad", "MessageBody": "m", "MessageDeduplicationId": "e"}])
    with refused("InvalidParameterValue", no_dedup):
        queue.send_batch([good, {"Id": "bad", "MessageBody": "m", "MessageGroupId": "g"}])
    assert queue.receive() == []  # nothing of those batches was taken
    queue.send("m", MessageGroupId="g", MessageDeduplicationId="d", DelaySeconds=0)


def test_a_receive_attempt_can_be_repeated(fifo):
    queue = fifo("attempt")
    send(queue, "m1")
    send(queue, "m2")
    first = queue.receive(maximum=10, ReceiveRequestAttemptId="attempt-1")
    again = queue.receive(maximum=10, ReceiveRequestAttemptId="attempt-1")
    assert bodies(first) == ["m1", "m2"]
    assert [m["ReceiptHandle"] for m in first] == [m["ReceiptHandle"] for m in again]
    assert queue.receive(ReceiveRequestAttemptId="attempt-2") == []


def test_locked_messages_count_as_visible(fifo):
    queue = fifo("counts")
    for body in ["m1", "m2", "m3"]:
        send(queue, body)
    queue.receive_one()
    attributes = queue.attributes()
    assert attributes["ApproximateNumberOfMessages"] == "2"
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"


def test_delay_of_a_fifo_queue(fifo):
    queue = fifo("delay", DelaySeconds=1)
    started = time.monotonic()
    send(queue, "late")
    assert bodies(queue.receive(WaitTimeSeconds=20)) == ["late"]
    assert 0.99 < time.monotonic() - started < PROMPT
