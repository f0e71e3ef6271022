"""What every test file needs: the endpoint, a queue to talk to, digests, and a check for errors."""

import base64
import hashlib
import os
import struct
import threading
import time
import uuid
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

ENDPOINT = os.environ.get("SQS_ENDPOINT", "http://127.0.0.1:9324")

NOT_FOUND = "AWS.SimpleQueueService.NonExistentQueue"

# A wake-up of a waiting receive has to come within this time, in seconds: far below the waits asked for, and far above what a
# slow machine needs.
PROMPT = 10.0

# How long something may take, in seconds, that is not asked for by one request.
PATIENCE = 120.0


def unique_name(purpose, fifo=False):
    """A queue name that no other run uses."""
    return f"py-{purpose}-{uuid.uuid4().hex[:12]}" + (".fifo" if fifo else "")


class Queue:
    """A queue by its URL, with the calls that tests make over and over."""

    def __init__(self, client, url, name):
        self.client, self.url, self.name = client, url, name

    def attributes(self, *names):
        answer = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names or ["All"]))
        return answer.get("Attributes", {})

    @property
    def arn(self):
        return self.attributes("QueueArn")["QueueArn"]

    def set(self, **attributes):
        self.client.set_queue_attributes(QueueUrl=self.url, Attributes={k: str(v) for k, v in attributes.items()})

    def send(self, body, **parameters):
        return self.client.send_message(QueueUrl=self.url, MessageBody=body, **parameters)

    def send_batch(self, entries):
        return self.client.send_message_batch(QueueUrl=self.url, Entries=entries)

    def receive(self, maximum=1, system=None, **parameters):
        """Messages, as a list; system names the system attributes to return, by whichever member this SDK has."""
        if system:
            members = self.client.meta.service_model.operation_model("ReceiveMessage").input_shape.members
            new = "MessageSystemAttributeNames"
            parameters[new if new in members else "AttributeNames"] = list(system)
        answer = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=maximum, **parameters)
        return answer.get("Messages", [])

    def receive_one(self, **parameters):
        """The one message that must be there within 20 s."""
        parameters.setdefault("WaitTimeSeconds", 20)
        messages = self.receive(**parameters)
        assert len(messages) == 1, f"{len(messages)} messages in {self.name}, expected 1"
        return messages[0]

    def delete(self, message):
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=handle(message))

    def change_visibility(self, message, seconds):
        self.client.change_message_visibility(
            QueueUrl=self.url, ReceiptHandle=handle(message), VisibilityTimeout=seconds
        )


def handle(message):
    return message if isinstance(message, str) else message["ReceiptHandle"]


def bodies(messages):
    return [message["Body"] for message in messages]


@contextmanager
def refused(code, message=None, status=400, exception=None):
    """Checks that the block fails with this error code, HTTP status, text, and exception class of the SDK."""
    with pytest.raises(ClientError) as caught:
        yield caught
    error = caught.value.response["Error"]
    assert error["Code"] == code
    if message is not None:
        assert error["Message"] == message
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    if exception is not None:
        assert type(caught.value).__name__ == exception


class Waiting:
    """A call that waits in a thread. It had 0.3 s to reach the server when the constructor returns."""

    def __init__(self, call):
        self._outcome = {}

        def run():
            try:
                self._outcome["value"] = call()
            except Exception as error:  # handed to the caller of value()
                self._outcome["error"] = error
            self._ended = time.monotonic()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        self.thread.join(0.3)
        assert self.thread.is_alive(), f"the call did not wait: {self._outcome}"
        self._released = time.monotonic()

    def value(self):
        self.thread.join(30)
        assert not self.thread.is_alive(), "the call did not come back"
        if "error" in self._outcome:
            raise self._outcome["error"]
        return self._outcome["value"]

    def promptly(self):
        """The call's answer, which must come less than PROMPT after the constructor returned."""
        value = self.value()
        took = self._ended - self._released
        assert took < PROMPT, f"woke after {took:.2f} s"
        return value


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def md5_of_attributes(attributes):
    """AWS's digest of message attributes: length-prefixed names, types and values in the order of the names."""
    digest = hashlib.md5()

    def part(data):
        digest.update(struct.pack(">I", len(data)) + data)

    for name in sorted(attributes):
        value = attributes[name]
        part(name.encode())
        part(value["DataType"].encode())
        if value["DataType"].startswith("Binary"):
            digest.update(b"\x02")
            part(value["BinaryValue"])
        else:
            digest.update(b"\x01")
            part(value["StringValue"].encode())
    return digest.hexdigest()


def text(value, kind="String"):
    return {"DataType": kind, "StringValue": value}


def binary(value, kind="Binary"):
    return {"DataType": kind, "BinaryValue": value}


def task_handle(source_arn, task_id="00000000-0000-4000-8000-000000000000"):
    """A well-formed handle of a move task."""
    return base64.b64encode(f'{{"taskId":"{task_id}","sourceArn":"{source_arn}"}}'.encode()).decode()
