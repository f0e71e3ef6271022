"""Dead-letter queues and message move tasks."""

import json
import time

import pytest

from support import PATIENCE, bodies, refused, task_handle


@pytest.fixture
def pair(sqs, new_queue):
    """A source queue and its dead-letter queue."""

    def create(purpose, receives=1, fifo=False):
        fifo_attributes = {"FifoQueue": "true"} if fifo else {}
        dead = new_queue(purpose + "-dead", **fifo_attributes)
        policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": str(receives)})
        source = new_queue(purpose, RedrivePolicy=policy, **fifo_attributes)
        return source, dead

    return create


def use_up(source, dead):
    """Receives what is in source once, and once more; returns when all of it is in the dead-letter queue."""
    count = str(len(source.receive(maximum=10, VisibilityTimeout=0)))
    assert source.receive(maximum=10, VisibilityTimeout=0) == []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if dead.attributes("ApproximateNumberOfMessages")["ApproximateNumberOfMessages"] == count:
            return
        time.sleep(0.1)
    raise AssertionError(f"the {count} messages did not reach the dead-letter queue")


def finished(sqs, arn):
    """The newest move task of a source queue, once it has ended."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        task = sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            return task
        time.sleep(0.1)
    raise AssertionError(f"the move task did not end: {task}")


def test_message_goes_to_the_dead_letter_queue(pair):
    source, dead = pair("dlq")
    sent = source.send("poison", MessageAttributes={"k": {"DataType": "String", "StringValue": "x"}})
    assert len(source.receive(VisibilityTimeout=0)) == 1
    assert dead.receive() == []  # no move before the next receive
    assert source.receive(VisibilityTimeout=0) == []
    message = dead.receive_one(system=["All"], MessageAttributeNames=["All"])
    assert message["Body"] == "poison"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfMessageAttributes"] == "a45daa70926828a2f0a1db3418e6feb4"
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == source.arn
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"
    assert source.attributes("ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "0"}


def test_message_times_out_into_the_dead_letter_queue(pair):
    source, dead = pair("timeout")
    source.set(VisibilityTimeout=1)
    source.send("slow")
    source.receive_one()
    time.sleep(1.2)
    assert source.receive() == []
    assert dead.receive_one()["Body"] == "slow"


def test_other_messages_are_still_received(pair):
    source, dead = pair("others")
    source.send("old")
    assert source.receive(VisibilityTimeout=0)
    source.send("new")
    assert bodies(source.receive(maximum=10, WaitTimeSeconds=2)) == ["new"]
    assert dead.receive_one()["Body"] == "old"


def test_fifo_group_goes_on_after_a_move(pair):
    source, dead = pair("fifo", fifo=True)
    for body in ["m1", "m2"]:
        sent = source.send(body, MessageGroupId="g", MessageDeduplicationId=body)
        first = sent if body == "m1" else first
    m1 = source.receive_one()
    source.change_visibility(m1, 0)
    received = source.receive() or source.receive()
    assert bodies(received) == ["m2"]
    message = dead.receive_one(system=["All"])
    assert message["Body"] == "m1"
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert message["Attributes"]["MessageDeduplicationId"] == first["MessageId"]


def test_sources_are_listed(sqs, pair):
    source, dead = pair("sources")
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead.url)["queueUrls"] == [source.url]
    assert sqs.list_dead_letter_source_queues(QueueUrl=source.url).get("queueUrls", []) == []


def test_redrive_policy_reads_back_canonically(pair):
    source, dead = pair("policy", receives=3)
    wanted = f'{{"deadLetterTargetArn":"{dead.arn}","maxReceiveCount":3}}'
    assert source.attributes("RedrivePolicy") == {"RedrivePolicy": wanted}
    source.set(RedrivePolicy="")
    assert source.attributes("RedrivePolicy") == {}


def test_redrive_policy_errors(new_queue):
    queue, fifo = new_queue("policy-errors"), new_queue("policy-errors", FifoQueue="true")

    def check(policy, reason):
        policy = policy if isinstance(policy, str) else json.dumps(policy)
        message = reason and f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}"
        with refused("InvalidParameterValue", message):
            queue.set(RedrivePolicy=policy)

    arn = queue.arn
    check("{}", None)
    check("no json", None)
    check(
        {"deadLetterTargetArn": arn}, "Redrive policy does not contain mandatory attribute: maxReceiveCount."
    )
    check({"maxReceiveCount": 1}, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.")
    for count in (0, 1001):
        check(
            {"deadLetterTargetArn": arn, "maxReceiveCount": count},
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
        )
    check({"deadLetterTargetArn": arn + "-none", "maxReceiveCount": 1}, "Dead letter target does not exist.")
    check({"deadLetterTargetArn": fifo.arn, "maxReceiveCount": 1}, None)
    queue.set(RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}))  # itself: allowed


def test_redrive_allow_policy_is_enforced(new_queue):
    dead = new_queue("allow-dead", RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    source = new_queue("allow")
    policy = json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 1})
    with refused("InvalidParameterValue"):
        source.set(RedrivePolicy=policy)
    dead.set(RedriveAllowPolicy=json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [source.arn]}))
    source.set(RedrivePolicy=policy)
    with refused("InvalidParameterValue"):
        new_queue("allow-other").set(RedrivePolicy=policy)


def test_move_task_returns_messages_to_their_source(sqs, pair):
    source, dead = pair("move")
    ids = {source.send(f"m{i}")["MessageId"] for i in range(3)}
    use_up(source, dead)
    handle = sqs.start_message_move_task(SourceArn=dead.arn)["TaskHandle"]
    assert handle
    task = finished(sqs, dead.arn)
    assert task["Status"] == "COMPLETED"
    assert task["SourceArn"] == dead.arn
    assert "DestinationArn" not in task and "TaskHandle" not in task
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (3, 3)
    assert task["StartedTimestamp"] > 1_700_000_000_000
    received = []
    while len(received) < 3:
        messages = source.receive(maximum=10, system=["All"], WaitTimeSeconds=5)
        assert messages, f"only {len(received)} of 3 came back"
        received += messages
    assert sorted(bodies(received)) == ["m0", "m1", "m2"]
    assert not ids & {message["MessageId"] for message in received}  # redriven messages are new
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in received} == {"1"}
    assert all("DeadLetterQueueSourceArn" not in message["Attributes"] for message in received)
    assert dead.receive() == []


def test_move_task_to_another_queue(sqs, pair, new_queue):
    source, dead = pair("elsewhere")
    target = new_queue("target")
    source.send("m")
    use_up(source, dead)
    sqs.start_message_move_task(SourceArn=dead.arn, DestinationArn=target.arn, MaxNumberOfMessagesPerSecond=500)
    task = finished(sqs, dead.arn)
    assert (task["Status"], task["DestinationArn"]) == ("COMPLETED", target.arn)
    assert task["MaxNumberOfMessagesPerSecond"] == 500
    assert target.receive_one()["Body"] == "m"


def test_move_task_can_be_cancelled(sqs, pair):
    source, dead = pair("cancel")
    for i in range(10):
        source.send(f"m{i}")
    use_up(source, dead)
    handle = sqs.start_message_move_task(SourceArn=dead.arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
    running = sqs.list_message_move_tasks(SourceArn=dead.arn)["Results"][0]
    assert (running["Status"], running["TaskHandle"]) == ("RUNNING", handle)
    assert running["ApproximateNumberOfMessagesToMove"] == 10
    already = (
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
    )
    with refused("InvalidParameterValue", already):
        sqs.start_message_move_task(SourceArn=dead.arn)
    cancelled = sqs.cancel_message_move_task(TaskHandle=handle)
    assert 0 <= cancelled["ApproximateNumberOfMessagesMoved"] < 10
    assert finished(sqs, dead.arn)["Status"] == "CANCELLED"
    with pytest.raises(sqs.exceptions.ClientError):  # only active tasks can be cancelled
        sqs.cancel_message_move_task(TaskHandle=handle)


def test_move_task_fails_when_its_destination_goes(sqs, pair, new_queue):
    source, dead = pair("fail")
    target = new_queue("fail-target")
    for i in range(10):
        source.send(f"m{i}")
    use_up(source, dead)
    sqs.start_message_move_task(SourceArn=dead.arn, DestinationArn=target.arn, MaxNumberOfMessagesPerSecond=1)
    sqs.delete_queue(QueueUrl=target.url)
    task = finished(sqs, dead.arn)
    assert (task["Status"], task["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")


def test_move_task_errors(sqs, pair):
    source, dead = pair("move-errors")
    no_source = "The resource that you specified for the SourceArn parameter doesn't exist."
    no_destination = "The resource that you specified for the DestinationArn parameter doesn't exist."
    missing = "ResourceNotFoundException"
    with refused(missing, no_source, status=404, exception=missing):
        sqs.start_message_move_task(SourceArn=dead.arn + "-none")
    with refused("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."):
        sqs.start_message_move_task(SourceArn=source.arn)
    with refused(missing, no_destination, status=404, exception=missing):
        sqs.start_message_move_task(SourceArn=dead.arn, DestinationArn=dead.arn + "-none")
    with refused(missing, no_source, status=404, exception=missing):
        sqs.list_message_move_tasks(SourceArn=dead.arn + "-none")
    with refused("InvalidParameterValue", "Value for parameter TaskHandle is invalid."):
        sqs.cancel_message_move_task(TaskHandle="garbage")
    with refused(missing, no_source, status=404, exception=missing):
        sqs.cancel_message_move_task(TaskHandle=task_handle(dead.arn + "-none"))
    with refused(missing, "Task does not exist.", status=404, exception=missing):
        sqs.cancel_message_move_task(TaskHandle=task_handle(dead.arn))
    assert sqs.list_message_move_tasks(SourceArn=dead.arn).get("Results", []) == []
