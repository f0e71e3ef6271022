package io.github.staunchmq.conformance;

import static io.github.staunchmq.conformance.Checks.invalidParameter;
import static io.github.staunchmq.conformance.Checks.refused;
import static io.github.staunchmq.conformance.Queue.bodies;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.batchmanager.SqsAsyncBatchManager;
import software.amazon.awssdk.services.sqs.model.BatchEntryIdsNotDistinctException;
import software.amazon.awssdk.services.sqs.model.BatchRequestTooLongException;
import software.amazon.awssdk.services.sqs.model.ChangeMessageVisibilityBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.EmptyBatchRequestException;
import software.amazon.awssdk.services.sqs.model.InvalidBatchEntryIdException;
import software.amazon.awssdk.services.sqs.model.InvalidMessageContentsException;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageAttributeValue;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeNameForSends;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeValue;
import software.amazon.awssdk.services.sqs.model.PurgeQueueInProgressException;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.SendMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;
import software.amazon.awssdk.services.sqs.model.SqsException;
import software.amazon.awssdk.services.sqs.model.TooManyEntriesInBatchRequestException;

/** Messages: bodies, attributes, sizes, batches, purge, and the errors of each. */
class MessagesTest {
    private static final int MEBIBYTE = 1_048_576;

    @Test
    void lifeOfAMessage() {
        try (Queue queue = Queue.create("life")) {
            SendMessageResponse sent = queue.send("message");
            assertEquals("78e731027d8fd50ed642340b7c9a63b3", sent.md5OfMessageBody());
            assertNull(sent.md5OfMessageAttributes());
            Message message = queue.receiveOne();
            assertEquals("message", message.body());
            assertEquals(sent.messageId(), message.messageId());
            assertFalse(message.hasMessageAttributes());
            assertEquals(List.of(), queue.receive());
            queue.delete(message);
            queue.delete(message);
            assertEquals("0", queue.attribute(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE));
        }
    }

    @Test
    void bodiesComeBackAsSent() {
        try (Queue queue = Queue.create("bodies")) {
            for (String body : List.of(
                    "Grüße, 世界, 🦆",
                    "<a href=\"x\">&amp; 'y' ]]></a>",
                    "line\r\nnext\rlone\n\ttab",
                    "  spaces stay  ",
                    "{\"json\": \"\\u0041\\\\\"}")) {
                queue.send(body, r -> r.messageAttributes(Map.of("same", text(body))));
                Message message = queue.receiveOne();
                assertEquals(body, message.body());
                assertEquals(body, message.messageAttributes().get("same").stringValue());
                queue.delete(message);
            }
        }
    }

    /** The SDK itself compares the digest of attributes with its own. */
    @Test
    void messageAttributes() {
        try (Queue queue = Queue.create("attributes")) {
            Map<String, MessageAttributeValue> attributes = Map.of(
                    "color", text("blue"),
                    "count", MessageAttributeValue.builder().dataType("Number").stringValue("3").build(),
                    "blob", MessageAttributeValue.builder()
                            .dataType("Binary")
                            .binaryValue(SdkBytes.fromByteArray(new byte[] {1, 2, 3}))
                            .build());
            SendMessageResponse sent = queue.send("m", r -> r.messageAttributes(attributes));
            assertEquals("d838729972a4b70e2d2acd9d59ac847c", sent.md5OfMessageAttributes());
            queue.changeVisibility(queue.receiveOne(), 0);
            List<Message> part = queue.receive(r -> r.messageAttributeNames("co.*").visibilityTimeout(0));
            assertEquals(Set.of("color", "count"), part.get(0).messageAttributes().keySet());
            Message whole = queue.receiveOne();
            assertEquals(attributes, whole.messageAttributes());
            assertEquals(sent.md5OfMessageAttributes(), whole.md5OfMessageAttributes());
        }
    }

    @Test
    void systemAttributes() {
        String trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        try (Queue queue = Queue.create("system")) {
            SendMessageResponse sent = queue.send(
                    "m",
                    r -> r.messageSystemAttributes(Map.of(
                            MessageSystemAttributeNameForSends.AWS_TRACE_HEADER,
                            MessageSystemAttributeValue.builder()
                                    .dataType("String")
                                    .stringValue(trace)
                                    .build())));
            assertEquals("5ae4d5d7636402d80f4eb6d213245a88", sent.md5OfMessageSystemAttributes());
            Map<MessageSystemAttributeName, String> got = queue.receiveOne().attributes();
            assertEquals(trace, got.get(MessageSystemAttributeName.AWS_TRACE_HEADER));
            assertEquals("1", got.get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT));
            assertEquals(5, got.size(), () -> got.toString());
        }
    }

    @Test
    void sizeLimits() {
        try (Queue small = Queue.create("small", Map.of(QueueAttributeName.MAXIMUM_MESSAGE_SIZE, "1024"));
                Queue large = Queue.create("large")) {
            sizeLimit(small, 1024);
            sizeLimit(large, MEBIBYTE);
        }
    }

    private static void sizeLimit(Queue queue, int max) {
        queue.send("x".repeat(max));
        invalidParameter(
                "One or more parameters are invalid. Reason: Message must be shorter than " + max + " bytes.",
                () -> queue.send("x".repeat(max + 1)));
        assertEquals(max, queue.receiveOne().body().length());
    }

    @Test
    void contentErrors() {
        try (Queue queue = Queue.create("content")) {
            refused(InvalidMessageContentsException.class, "InvalidMessageContents", 400, null, () -> queue.send("a\b"));
            refused(
                    SqsException.class,
                    "MissingParameter",
                    400,
                    "The request must contain the parameter MessageBody.",
                    () -> queue.send(""));
            invalidParameter(
                    "Message (user) attribute 'a' must contain a non-empty value of type 'String'.",
                    () -> queue.send("m", r -> r.messageAttributes(Map.of("a", text("")))));
            invalidParameter(
                    "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
                    () -> queue.receive(r -> r.maxNumberOfMessages(11)));
        }
    }

    @Test
    void batchOfTenWithOneBadEntry() {
        try (Queue queue = Queue.create("batch", Map.of(QueueAttributeName.MAXIMUM_MESSAGE_SIZE, "1024"))) {
            var sent = Server.CLIENT.sendMessageBatch(r -> r.queueUrl(queue.url())
                    .entries(IntStream.range(0, 10)
                            .mapToObj(i -> entry("id-" + i, i == 3 ? "x".repeat(1025) : "m" + i))
                            .toList()));
            assertEquals(9, sent.successful().size());
            assertEquals(1, sent.failed().size());
            var failed = sent.failed().get(0);
            assertEquals(List.of("id-3", "InvalidParameterValue", true), List.of(failed.id(), failed.code(), failed.senderFault()));
            assertEquals(
                    "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
                    failed.message());

            List<Message> received = new ArrayList<>();
            while (received.size() < 9) {
                List<Message> some = queue.receive(r -> r.waitTimeSeconds(2));
                assertFalse(some.isEmpty(), "only " + received.size() + " of 9 came");
                received.addAll(some);
            }
            var changed = Server.CLIENT.changeMessageVisibilityBatch(r -> r.queueUrl(queue.url())
                    .entries(change("good", received.get(0).receiptHandle()), change("bad", "garbage")));
            assertEquals("good", changed.successful().get(0).id());
            assertEquals("ReceiptHandleIsInvalid", changed.failed().get(0).code());
            var deleted = Server.CLIENT.deleteMessageBatch(r -> r.queueUrl(queue.url())
                    .entries(received.stream()
                            .map(m -> DeleteMessageBatchRequestEntry.builder()
                                    .id(m.messageId())
                                    .receiptHandle(m.receiptHandle())
                                    .build())
                            .toList()));
            assertEquals(9, deleted.successful().size());
            assertEquals(List.of(), deleted.failed());
        }
    }

    @Test
    void batchesAreRefusedWhole() {
        try (Queue queue = Queue.create("whole")) {
            String prefix = "AWS.SimpleQueueService.";
            refused(
                    EmptyBatchRequestException.class,
                    prefix + "EmptyBatchRequest",
                    400,
                    "There should be at least one SendMessageBatchRequestEntry in the request.",
                    () -> sendBatch(queue, "m"));
            refused(
                    TooManyEntriesInBatchRequestException.class,
                    prefix + "TooManyEntriesInBatchRequest",
                    400,
                    "Maximum number of entries per request are 10. You have sent 11.",
                    () -> sendBatch(queue, "m", "abcdefghijk".split("")));
            refused(
                    BatchEntryIdsNotDistinctException.class,
                    prefix + "BatchEntryIdsNotDistinct",
                    400,
                    "Id a repeated.",
                    () -> sendBatch(queue, "m", "a", "a"));
            refused(
                    InvalidBatchEntryIdException.class,
                    prefix + "InvalidBatchEntryId",
                    400,
                    null,
                    () -> sendBatch(queue, "m", "a b"));
            refused(
                    BatchRequestTooLongException.class,
                    prefix + "BatchRequestTooLong",
                    400,
                    "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes.",
                    () -> sendBatch(queue, "x".repeat(MEBIBYTE / 2 + 1), "a", "b"));
        }
    }

    @Test
    void purge() {
        try (Queue queue = Queue.create("purge")) {
            queue.send("m");
            Server.CLIENT.purgeQueue(r -> r.queueUrl(queue.url()));
            assertEquals(List.of(), queue.receive());
            refused(
                    PurgeQueueInProgressException.class,
                    "AWS.SimpleQueueService.PurgeQueueInProgress",
                    403,
                    "Only one PurgeQueue operation on " + queue.name() + " is allowed every 60 seconds.",
                    () -> Server.CLIENT.purgeQueue(r -> r.queueUrl(queue.url())));
        }
    }

    /** The batch manager of the asynchronous client gathers sends and receives into batches by itself. */
    @Test
    void batchManager() throws Exception {
        try (Queue queue = Queue.create("manager");
                SqsAsyncClient client = Server.asyncClient();
                SqsAsyncBatchManager manager = SqsAsyncBatchManager.builder()
                        .client(client)
                        .scheduledExecutor(java.util.concurrent.Executors.newScheduledThreadPool(2))
                        .build()) {
            CompletableFuture.allOf(IntStream.range(0, 10)
                            .mapToObj(i -> manager.sendMessage(r -> r.queueUrl(queue.url()).messageBody("m" + i)))
                            .toArray(CompletableFuture[]::new))
                    .get();
            List<String> received = new ArrayList<>();
            while (received.size() < 10) {
                List<Message> some = manager.receiveMessage(r -> r.queueUrl(queue.url()).maxNumberOfMessages(10))
                        .get()
                        .messages();
                received.addAll(bodies(some));
            }
            assertEquals(IntStream.range(0, 10).mapToObj(i -> "m" + i).toList(), received.stream().sorted().toList());
        }
    }

    private static MessageAttributeValue text(String value) {
        return MessageAttributeValue.builder().dataType("String").stringValue(value).build();
    }

    private static SendMessageBatchRequestEntry entry(String id, String body) {
        return SendMessageBatchRequestEntry.builder().id(id).messageBody(body).build();
    }

    private static ChangeMessageVisibilityBatchRequestEntry change(String id, String handle) {
        return ChangeMessageVisibilityBatchRequestEntry.builder()
                .id(id)
                .receiptHandle(handle)
                .visibilityTimeout(60)
                .build();
    }

    private static void sendBatch(Queue queue, String body, String... ids) {
        Server.CLIENT.sendMessageBatch(r -> r.queueUrl(queue.url())
                .entries(Stream.of(ids).map(id -> entry(id, body)).toList()));
    }
}
