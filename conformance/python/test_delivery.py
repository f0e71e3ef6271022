"""Delivery: visibility timeouts, delays, long polls, counts, receipt handles."""

import time

from support import NOT_FOUND, PROMPT, Waiting, bodies, refused


def test_visibility_timeout_ends_and_the_message_comes_again(new_queue):
    queue = new_queue("timeout", VisibilityTimeout=1)
    queue.send("m")
    started = time.monotonic()
    first = queue.receive_one(system=["All"])
    second = queue.receive_one(system=["All"])  # a long poll, woken by the timeout
    assert 0.99 < time.monotonic() - started < PROMPT
    assert first["MessageId"] == second["MessageId"]
    assert first["ReceiptHandle"] != second["ReceiptHandle"]
    assert first["Attributes"]["ApproximateReceiveCount"] == "1"
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    when = "ApproximateFirstReceiveTimestamp"
    assert first["Attributes"][when] == second["Attributes"][when]
    queue.delete(first)  # the old handle still names the message
    assert queue.attributes("ApproximateNumberOfMessagesNotVisible") == {"ApproximateNumberOfMessagesNotVisible": "0"}


def test_visibility_changes(new_queue):
    queue = new_queue("change", VisibilityTimeout=600)
    queue.send("m")
    message = queue.receive_one()
    assert queue.receive() == []
    queue.change_visibility(message, 0)
    again = queue.receive_one(WaitTimeSeconds=0)
    assert again["MessageId"] == message["MessageId"]
    queue.change_visibility(again, 0)
    queue.change_visibility(again, 600)  # hides a message that is visible already
    assert queue.receive() == []
    queue.change_visibility(message, 0)  # an older handle works too
    assert bodies(queue.receive()) == ["m"]


def test_visibility_timeout_zero_does_not_hide(new_queue):
    queue = new_queue("zero")
    queue.send("m")
    for count in "123":
        message = queue.receive_one(VisibilityTimeout=0, WaitTimeSeconds=0, system=["ApproximateReceiveCount"])
        assert message["Attributes"]["ApproximateReceiveCount"] == count


def test_visibility_change_errors(new_queue):
    queue = new_queue("change-errors")
    queue.send("m")
    message = queue.receive_one()
    with refused("InvalidParameterValue"):
        queue.change_visibility(message, 43201)
    queue.delete(message)
    with refused(
        "InvalidParameterValue",
        f"Value {message['ReceiptHandle']} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change.",
    ):
        queue.change_visibility(message, 10)


def test_receipt_handles_are_checked(new_queue):
    queue, other = new_queue("handles"), new_queue("handles")
    garbage = 'The input receipt handle "garbage" is not a valid receipt handle.'
    with refused("ReceiptHandleIsInvalid", garbage, status=404, exception="ReceiptHandleIsInvalid"):
        queue.delete("garbage")
    with refused("ReceiptHandleIsInvalid", garbage, status=404, exception="ReceiptHandleIsInvalid"):
        queue.change_visibility("garbage", 0)
    queue.send("m")
    message = queue.receive_one()
    with refused("ReceiptHandleIsInvalid", status=404):
        other.delete(message)


def test_delay_of_a_message(new_queue):
    queue = new_queue("delay")
    queue.send("much later", DelaySeconds=900)
    assert queue.receive() == []
    assert queue.attributes("ApproximateNumberOfMessagesDelayed") == {"ApproximateNumberOfMessagesDelayed": "1"}
    started = time.monotonic()
    queue.send("late", DelaySeconds=1)
    assert queue.receive_one()["Body"] == "late"  # a long poll, woken by the end of the delay
    assert 0.99 < time.monotonic() - started < PROMPT


def test_delay_of_a_queue(new_queue):
    queue = new_queue("delay-queue", DelaySeconds=900)
    queue.send("late")
    queue.send("now", DelaySeconds=0)
    assert bodies(queue.receive(maximum=10)) == ["now"]


def test_counts_follow_the_states(new_queue):
    queue = new_queue("counts")
    for i in range(3):
        queue.send(f"m{i}")
    queue.send("delayed", DelaySeconds=900)
    message = queue.receive_one()

    def counts():
        attributes = queue.attributes()
        names = ["", "NotVisible", "Delayed"]
        return tuple(int(attributes["ApproximateNumberOfMessages" + name]) for name in names)

    assert counts() == (2, 1, 1)
    queue.delete(message)
    assert counts() == (2, 0, 1)


def test_long_poll_wakes_on_send(new_queue):
    queue = new_queue("wake-send")
    waiting = Waiting(lambda: queue.receive(WaitTimeSeconds=20))
    queue.send("wake up")
    assert bodies(waiting.promptly()) == ["wake up"]


def test_long_poll_wakes_on_visibility_change(new_queue):
    queue = new_queue("wake-change", VisibilityTimeout=600)
    queue.send("m")
    message = queue.receive_one()
    waiting = Waiting(lambda: queue.receive(WaitTimeSeconds=20))
    queue.change_visibility(message, 0)
    assert bodies(waiting.promptly()) == ["m"]


def test_long_poll_ends_empty(new_queue):
    queue = new_queue("empty", ReceiveMessageWaitTimeSeconds=1)
    started = time.monotonic()
    assert queue.receive() == []  # the queue's own wait
    assert 0.99 < time.monotonic() - started < PROMPT
    queue.set(ReceiveMessageWaitTimeSeconds=20)
    started = time.monotonic()
    assert queue.receive(WaitTimeSeconds=0) == []
    assert time.monotonic() - started < PROMPT


def test_long_poll_ends_when_the_queue_goes(sqs, new_queue):
    queue = new_queue("wake-delete")

    def receive():
        try:
            return queue.receive(WaitTimeSeconds=20)
        except sqs.exceptions.QueueDoesNotExist:
            return NOT_FOUND

    waiting = Waiting(receive)
    sqs.delete_queue(QueueUrl=queue.url)
    assert waiting.promptly() in (NOT_FOUND, [])
