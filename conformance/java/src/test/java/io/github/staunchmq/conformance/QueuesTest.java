package io.github.staunchmq.conformance;

import static io.github.staunchmq.conformance.Checks.invalidParameter;
import static io.github.staunchmq.conformance.Checks.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sqs.model.InvalidAttributeNameException;
import software.amazon.awssdk.services.sqs.model.InvalidAttributeValueException;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.QueueNameExistsException;

/** Queues: names and URLs, attributes, tags, permissions, lists. */
class QueuesTest {
    private static final String NOT_FOUND = "AWS.SimpleQueueService.NonExistentQueue";

    @Test
    void createIsIdempotentAndTheUrlIsFoundByName() {
        try (Queue queue = Queue.create("create", Map.of(QueueAttributeName.DELAY_SECONDS, "5"))) {
            assertTrue(queue.url().endsWith("/" + queue.name()), queue.url());
            assertEquals(queue.url(), Server.CLIENT.createQueue(r -> r.queueName(queue.name())).queueUrl());
            assertEquals(queue.url(), Server.CLIENT.getQueueUrl(r -> r.queueName(queue.name())).queueUrl());
            assertEquals(
                    List.of(queue.url()),
                    Server.CLIENT.listQueues(r -> r.queueNamePrefix(queue.name())).queueUrls());
            refused(
                    QueueNameExistsException.class,
                    "QueueAlreadyExists",
                    400,
                    "A queue already exists with the same name and a different value for attribute DelaySeconds",
                    () -> Server.CLIENT.createQueue(r -> r.queueName(queue.name())
                            .attributes(Map.of(QueueAttributeName.DELAY_SECONDS, "6"))));
        }
    }

    @Test
    void listIsPaged() {
        String prefix = Queue.uniqueName("paged");
        List<String> urls = List.of("0", "1", "2").stream()
                .map(i -> Server.CLIENT.createQueue(r -> r.queueName(prefix + "-" + i)).queueUrl())
                .toList();
        List<String> listed = Server.CLIENT
                .listQueuesPaginator(r -> r.queueNamePrefix(prefix).maxResults(2))
                .queueUrls()
                .stream()
                .sorted()
                .toList();
        urls.forEach(url -> Server.CLIENT.deleteQueue(r -> r.queueUrl(url)));
        assertEquals(urls, listed);
    }

    @Test
    void attributesAreSetAndRead() {
        try (Queue queue = Queue.create("attributes")) {
            Map<QueueAttributeName, String> all = queue.attributes(QueueAttributeName.ALL);
            assertEquals("30", all.get(QueueAttributeName.VISIBILITY_TIMEOUT));
            assertEquals("1048576", all.get(QueueAttributeName.MAXIMUM_MESSAGE_SIZE));
            assertEquals("true", all.get(QueueAttributeName.SQS_MANAGED_SSE_ENABLED));
            assertEquals(12, all.size(), () -> all.toString());
            set(queue, QueueAttributeName.VISIBILITY_TIMEOUT, "43200");
            assertEquals("43200", queue.attribute(QueueAttributeName.VISIBILITY_TIMEOUT));
            refused(
                    InvalidAttributeValueException.class,
                    "InvalidAttributeValue",
                    400,
                    null,
                    () -> set(queue, QueueAttributeName.VISIBILITY_TIMEOUT, "43201"));
            refused(
                    InvalidAttributeNameException.class,
                    "InvalidAttributeName",
                    400,
                    "Unknown Attribute Nonsense.",
                    () -> Server.CLIENT.getQueueAttributes(r -> r.queueUrl(queue.url())
                            .attributeNamesWithStrings("Nonsense")));
        }
    }

    private static void set(Queue queue, QueueAttributeName name, String value) {
        Server.CLIENT.setQueueAttributes(r -> r.queueUrl(queue.url()).attributes(Map.of(name, value)));
    }

    @Test
    void tags() {
        try (Queue queue = Queue.create("tags")) {
            Server.CLIENT.tagQueue(r -> r.queueUrl(queue.url()).tags(Map.of("team", "a", "empty", "")));
            assertEquals(Map.of("team", "a", "empty", ""), tagsOf(queue));
            Server.CLIENT.untagQueue(r -> r.queueUrl(queue.url()).tagKeys("team", "empty", "none"));
            assertEquals(Map.of(), tagsOf(queue));
        }
    }

    private static Map<String, String> tagsOf(Queue queue) {
        return Server.CLIENT.listQueueTags(r -> r.queueUrl(queue.url())).tags();
    }

    @Test
    void permissionsBecomeAPolicy() {
        try (Queue queue = Queue.create("permission")) {
            Server.CLIENT.addPermission(r -> r.queueUrl(queue.url())
                    .label("one")
                    .awsAccountIds("111122223333")
                    .actions("ReceiveMessage"));
            String policy = queue.attribute(QueueAttributeName.POLICY);
            assertTrue(policy.contains("\"SQS:ReceiveMessage\"") && policy.contains(queue.arn()), policy);
            invalidParameter(
                    "Value two for parameter Label is invalid. Reason: can't find label.",
                    () -> Server.CLIENT.removePermission(r -> r.queueUrl(queue.url()).label("two")));
            Server.CLIENT.removePermission(r -> r.queueUrl(queue.url()).label("one"));
            assertEquals(Map.of(), queue.attributes(QueueAttributeName.POLICY));
        }
    }

    @Test
    void unknownQueue() {
        Queue queue = Queue.create("gone");
        queue.close();
        String message = "The specified queue does not exist.";
        refused(QueueDoesNotExistException.class, NOT_FOUND, 400, message, () -> queue.send("m"));
        refused(QueueDoesNotExistException.class, NOT_FOUND, 400, message, queue::receive);
        refused(QueueDoesNotExistException.class, NOT_FOUND, 400, message, () -> Server.CLIENT.getQueueUrl(
                r -> r.queueName(queue.name())));
    }
}
