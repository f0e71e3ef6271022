"""Queues: names and URLs, attributes, tags, permissions, lists."""

import json

from support import NOT_FOUND, refused, unique_name

# What GetQueueAttributes(All) of a new standard queue has (reference section 5.1).
ALL_OF_STANDARD = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "DelaySeconds",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
}
ALL_OF_FIFO = ALL_OF_STANDARD | {"ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit"}


def test_create_is_idempotent_and_the_url_is_found_by_name(sqs, new_queue):
    queue = new_queue("create")
    assert queue.url.endswith("/" + queue.name)
    assert sqs.create_queue(QueueName=queue.name)["QueueUrl"] == queue.url
    assert sqs.get_queue_url(QueueName=queue.name)["QueueUrl"] == queue.url
    assert sqs.list_queues(QueueNamePrefix=queue.name)["QueueUrls"] == [queue.url]
    account = queue.url.split("/")[-2]
    assert queue.arn == f"arn:aws:sqs:{sqs.meta.region_name}:{account}:{queue.name}"


def test_create_compares_only_the_attributes_given(sqs, new_queue):
    queue = new_queue("compare", DelaySeconds=5)
    sqs.create_queue(QueueName=queue.name)
    sqs.create_queue(QueueName=queue.name, Attributes={"DelaySeconds": "5"})
    different = "A queue already exists with the same name and a different value for attribute DelaySeconds"
    with refused("QueueAlreadyExists", different, exception="QueueNameExists"):
        sqs.create_queue(QueueName=queue.name, Attributes={"DelaySeconds": "6"})
    queue.set(DelaySeconds=6)
    sqs.create_queue(QueueName=queue.name, Attributes={"DelaySeconds": "6"})


def test_create_refuses_bad_names_and_values(sqs):
    for name in ["with space", "a" * 81, "dot.ted", "x.fifo"]:
        with refused("InvalidParameterValue"):
            sqs.create_queue(QueueName=name)
    with refused("InvalidParameterValue"):
        sqs.create_queue(QueueName=unique_name("no-suffix"), Attributes={"FifoQueue": "true"})
    name = unique_name("bad")
    with refused("InvalidAttributeName", "Unknown Attribute FifoQueue."):
        sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "false"})
    with refused("InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."):
        sqs.create_queue(QueueName=name, Attributes={"ContentBasedDeduplication": "true"})
    with refused(
        "InvalidAttributeName", "You can specify the DeduplicationScope only when FifoQueue is set to true."
    ):
        sqs.create_queue(QueueName=name, Attributes={"DeduplicationScope": "queue"})
    with refused(
        "InvalidAttributeName", "You can specify the FifoThroughputLimit only when FifoQueue is set to true."
    ):
        sqs.create_queue(QueueName=name, Attributes={"FifoThroughputLimit": "perQueue"})
    with refused("InvalidAttributeName", "Unknown Attribute Nonsense.", exception="InvalidAttributeName"):
        sqs.create_queue(QueueName=name, Attributes={"Nonsense": "1"})
    with refused(NOT_FOUND):  # no refused call left a queue behind
        sqs.get_queue_url(QueueName=name)


def test_delete_removes_the_queue(sqs, new_queue):
    queue = new_queue("delete")
    queue.send("goes with the queue")
    sqs.delete_queue(QueueUrl=queue.url)
    with refused(NOT_FOUND, exception="QueueDoesNotExist"):
        sqs.get_queue_url(QueueName=queue.name)
    with refused(NOT_FOUND, exception="QueueDoesNotExist"):
        sqs.delete_queue(QueueUrl=queue.url)
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=queue.name)


def test_unknown_queue_is_named_by_code_and_class(sqs, new_queue):
    protocol = sqs.meta.service_model.metadata["protocol"]
    message = "The specified queue does not exist" + (" for this wsdl version." if protocol == "query" else ".")
    url = new_queue("there").url + "-not"
    calls = [
        lambda: sqs.send_message(QueueUrl=url, MessageBody="x"),
        lambda: sqs.receive_message(QueueUrl=url),
        lambda: sqs.delete_message(QueueUrl=url, ReceiptHandle="x"),
        lambda: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"]),
        lambda: sqs.send_message_batch(QueueUrl=url, Entries=[]),
        lambda: sqs.purge_queue(QueueUrl=url),
        lambda: sqs.list_queue_tags(QueueUrl=url),
    ]
    for call in calls:
        with refused(NOT_FOUND, message, exception="QueueDoesNotExist"):
            call()


def test_lists_are_paged(sqs):
    prefix = unique_name("paged")
    urls = sorted(sqs.create_queue(QueueName=f"{prefix}-{i}")["QueueUrl"] for i in range(3))
    try:
        assert sorted(sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"]) == urls
        first = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2)
        assert len(first["QueueUrls"]) == 2
        rest = sqs.list_queues(QueueNamePrefix=prefix, MaxResults=2, NextToken=first["NextToken"])
        assert "NextToken" not in rest
        assert sorted(first["QueueUrls"] + rest["QueueUrls"]) == urls
    finally:
        for url in urls:
            sqs.delete_queue(QueueUrl=url)


def test_attributes_of_a_new_queue(new_queue):
    attributes = new_queue("fresh").attributes()
    assert set(attributes) == ALL_OF_STANDARD
    assert attributes["VisibilityTimeout"] == "30"
    assert attributes["DelaySeconds"] == "0"
    assert attributes["MaximumMessageSize"] == "1048576"
    assert attributes["MessageRetentionPeriod"] == "345600"
    assert attributes["ReceiveMessageWaitTimeSeconds"] == "0"
    assert attributes["SqsManagedSseEnabled"] == "true"
    assert len(attributes["CreatedTimestamp"]) == 10  # seconds

    attributes = new_queue("fresh", FifoQueue="true").attributes()
    assert set(attributes) == ALL_OF_FIFO
    assert attributes["FifoQueue"] == "true"
    assert attributes["ContentBasedDeduplication"] == "false"
    assert attributes["DeduplicationScope"] == "queue"
    assert attributes["FifoThroughputLimit"] == "perQueue"


def test_attributes_are_set_and_read(sqs, new_queue):
    queue = new_queue("attributes", VisibilityTimeout=10)
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=queue.url)
    assert queue.attributes("VisibilityTimeout", "Policy") == {"VisibilityTimeout": "10"}
    queue.set(VisibilityTimeout=43200, MessageRetentionPeriod=60, MaximumMessageSize=1024)
    assert queue.attributes("VisibilityTimeout", "MessageRetentionPeriod", "MaximumMessageSize") == {
        "VisibilityTimeout": "43200",
        "MessageRetentionPeriod": "60",
        "MaximumMessageSize": "1024",
    }


def test_attributes_have_ranges(new_queue):
    queue = new_queue("ranges")
    edges = {
        "VisibilityTimeout": (0, 43200),
        "DelaySeconds": (0, 900),
        "MaximumMessageSize": (1024, 1048576),
        "MessageRetentionPeriod": (60, 1209600),
        "ReceiveMessageWaitTimeSeconds": (0, 20),
    }
    for name, (least, most) in edges.items():
        for value in (least, most):
            queue.set(**{name: value})
        for value in (least - 1, most + 1, "", "x", "1.5"):
            with refused("InvalidAttributeValue"):
                queue.set(**{name: value})
        assert queue.attributes(name) == {name: str(most)}
    with refused("InvalidAttributeName", "Unknown Attribute QueueArn."):
        queue.set(QueueArn="x")
    with refused("InvalidAttributeName", "Unknown Attribute Nonsense."):
        queue.attributes("Nonsense")


def test_fifo_queues_stay_fifo(new_queue):
    queue = new_queue("type", FifoQueue="true")
    queue.set(FifoQueue="true")
    reason = "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."
    with refused("InvalidAttributeValue", reason):
        queue.set(FifoQueue="false")
    with refused("InvalidAttributeName", "Unknown Attribute FifoQueue."):
        new_queue("type").set(FifoQueue="true")
    queue.set(ContentBasedDeduplication="True", DeduplicationScope="messageGroup")
    queue.set(FifoThroughputLimit="perMessageGroupId")
    assert queue.attributes("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit") == {
        "ContentBasedDeduplication": "true",
        "DeduplicationScope": "messageGroup",
        "FifoThroughputLimit": "perMessageGroupId",
    }


def test_encryption_attributes_exclude_each_other(sqs, new_queue):
    queue = new_queue("sse")
    queue.set(KmsMasterKeyId="alias/aws/sqs")
    attributes = queue.attributes()
    assert attributes["SqsManagedSseEnabled"] == "false"
    assert attributes["KmsMasterKeyId"] == "alias/aws/sqs"
    assert attributes["KmsDataKeyReusePeriodSeconds"] == "300"
    queue.set(KmsMasterKeyId="")
    attributes = queue.attributes()
    assert "KmsMasterKeyId" not in attributes and attributes["SqsManagedSseEnabled"] == "false"
    one_only = (
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    )
    with refused("InvalidAttributeName", one_only):
        sqs.create_queue(
            QueueName=unique_name("sse"), Attributes={"SqsManagedSseEnabled": "true", "KmsMasterKeyId": "k"}
        )


def test_tags(sqs, new_queue):
    queue = new_queue("tags", tags={"made": "at creation"})

    def tags():
        return sqs.list_queue_tags(QueueUrl=queue.url).get("Tags", {})

    assert tags() == {"made": "at creation"}
    sqs.tag_queue(QueueUrl=queue.url, Tags={"made": "again", "empty": "", "Überschrift": "ß + @"})
    assert tags() == {"made": "again", "empty": "", "Überschrift": "ß + @"}
    sqs.untag_queue(QueueUrl=queue.url, TagKeys=["made", "unknown", "Überschrift"])
    assert tags() == {"empty": ""}
    sqs.untag_queue(QueueUrl=queue.url, TagKeys=["empty"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=queue.url)


def test_permissions_become_a_policy(sqs, new_queue):
    queue = new_queue("permission")
    arn = queue.arn

    def permit(label, accounts, actions):
        sqs.add_permission(QueueUrl=queue.url, Label=label, AWSAccountIds=accounts, Actions=actions)

    permit("one", ["111122223333"], ["ReceiveMessage"])
    policy = json.loads(queue.attributes("Policy")["Policy"])
    assert policy == {
        "Version": "2008-10-17",
        "Id": f"{arn}/SQSDefaultPolicy",
        "Statement": [
            {
                "Sid": "one",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "SQS:ReceiveMessage",
                "Resource": arn,
            }
        ],
    }
    permit("two", ["111122223333", "444455556666"], ["SendMessage", "DeleteMessage"])
    second = json.loads(queue.attributes("Policy")["Policy"])["Statement"][1]
    assert second["Sid"] == "two"
    assert sorted(second["Principal"]["AWS"]) == [
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::444455556666:root",
    ]
    assert sorted(second["Action"]) == ["SQS:DeleteMessage", "SQS:SendMessage"]

    with refused("InvalidParameterValue", "Value one for parameter Label is invalid. Reason: Already exists."):
        permit("one", ["444455556666"], ["SendMessage"])
    with refused("InvalidParameterValue", "Value three for parameter Label is invalid. Reason: can't find label."):
        sqs.remove_permission(QueueUrl=queue.url, Label="three")
    sqs.remove_permission(QueueUrl=queue.url, Label="one")
    sqs.remove_permission(QueueUrl=queue.url, Label="two")
    assert queue.attributes("Policy") == {}


def test_policy_is_set_and_cleared(new_queue):
    queue = new_queue("policy")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "topic",
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue.arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:000000000000:topic"}},
            }
        ],
    }
    queue.set(Policy=json.dumps(policy))
    assert json.loads(queue.attributes("Policy")["Policy"]) == policy
    with refused("InvalidAttributeValue"):
        queue.set(Policy="not json")
    queue.set(Policy="")
    assert queue.attributes("Policy") == {}
