package io.github.staunchmq.conformance;

import static io.github.staunchmq.conformance.Checks.invalidParameter;
import static io.github.staunchmq.conformance.Checks.refused;
import static io.github.staunchmq.conformance.Checks.wake;
import static io.github.staunchmq.conformance.Queue.bodies;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** FIFO queues: order, groups and their locks, deduplication, sequence numbers. */
class FifoTest {
    @Test
    void orderAndSequenceNumbers() {
        try (Queue queue = Queue.createFifo("order")) {
            List<String> numbers = Stream.of("m0", "m1", "m2")
                    .map(body -> queue.sendFifo("g", body).sequenceNumber())
                    .toList();
            assertTrue(numbers.stream().allMatch(n -> n.matches("\\d{20}")), numbers.toString());
            assertEquals(numbers.stream().sorted().distinct().toList(), numbers);
            List<Message> messages = queue.receive();
            assertEquals(List.of("m0", "m1", "m2"), bodies(messages));
            assertEquals(
                    numbers,
                    messages.stream()
                            .map(m -> m.attributes().get(MessageSystemAttributeName.SEQUENCE_NUMBER))
                            .toList());
        }
    }

    @Test
    void aGroupWaitsForItsFirstMessage() {
        try (Queue queue = Queue.createFifo("lock")) {
            queue.sendFifo("a", "a1");
            queue.sendFifo("a", "a2");
            queue.sendFifo("b", "b1");
            Message a1 = queue.receiveOne();
            assertEquals("a1", a1.body());
            assertEquals(List.of("b1"), bodies(queue.receive()));
            queue.delete(a1);
            assertEquals(List.of("a2"), bodies(queue.receive()));
        }
    }

    @Test
    void longPollWakesWhenAGroupUnlocks() throws Exception {
        try (Queue queue = Queue.createFifo("wake")) {
            queue.sendFifo("g", "m1");
            queue.sendFifo("g", "m2");
            Message m1 = queue.receiveOne();
            assertEquals(List.of("m2"), bodies(wake(queue, () -> queue.delete(m1))));
        }
    }

    @Test
    void deduplication() {
        try (Queue queue = Queue.createFifo("dedup")) {
            SendMessageResponse first = queue.send("one", r -> r.messageGroupId("a").messageDeduplicationId("same"));
            SendMessageResponse again = queue.send("other", r -> r.messageGroupId("b").messageDeduplicationId("same"));
            assertEquals(first.messageId(), again.messageId());
            assertEquals(first.sequenceNumber(), again.sequenceNumber());
            queue.delete(queue.receiveOne());
            queue.send("one", r -> r.messageGroupId("a").messageDeduplicationId("same"));
            assertEquals(List.of(), queue.receive());
        }
    }

    @Test
    void deduplicationByContent() {
        try (Queue queue = Queue.create(
                "content",
                Map.of(QueueAttributeName.FIFO_QUEUE, "true", QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true"))) {
            SendMessageResponse first = queue.send("same", r -> r.messageGroupId("g"));
            assertEquals(first.messageId(), queue.send("same", r -> r.messageGroupId("g")).messageId());
            assertEquals(
                    "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5", // recorded from AWS
                    queue.receiveOne().attributes().get(MessageSystemAttributeName.MESSAGE_DEDUPLICATION_ID));
        }
    }

    @Test
    void sendErrors() {
        try (Queue queue = Queue.createFifo("errors")) {
            refused(
                    SqsException.class,
                    "MissingParameter",
                    400,
                    "The request must contain the parameter MessageGroupId.",
                    () -> queue.send("m"));
            invalidParameter(
                    "The queue should either have ContentBasedDeduplication enabled or "
                            + "MessageDeduplicationId provided explicitly",
                    () -> queue.send("m", r -> r.messageGroupId("g")));
        }
    }
}
