package io.github.staunchmq.conformance;

import static io.github.staunchmq.conformance.Checks.invalidParameter;
import static io.github.staunchmq.conformance.Checks.refused;
import static io.github.staunchmq.conformance.Checks.tookASecond;
import static io.github.staunchmq.conformance.Checks.wake;
import static io.github.staunchmq.conformance.Queue.bodies;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.ReceiptHandleIsInvalidException;

/** Delivery: visibility timeouts, delays, long polls, receipt handles. */
class DeliveryTest {
    private static Queue withTimeout(String purpose, String seconds) {
        return Queue.create(purpose, Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, seconds));
    }

    @Test
    void messageComesAgainAfterItsVisibilityTimeout() {
        try (Queue queue = withTimeout("timeout", "1")) {
            queue.send("m");
            long started = System.nanoTime();
            Message first = queue.receiveOne();
            Message second = queue.receiveOne(); // a long poll, woken by the timeout
            tookASecond(started);
            assertEquals(first.messageId(), second.messageId());
            assertNotEquals(first.receiptHandle(), second.receiptHandle());
            assertEquals("2", second.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT));
            queue.delete(first); // the old handle still names the message
            assertEquals("0", queue.attribute(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE));
        }
    }

    @Test
    void visibilityChanges() {
        try (Queue queue = withTimeout("change", "600")) {
            queue.send("m");
            Message message = queue.receiveOne();
            queue.changeVisibility(message, 0);
            assertEquals(List.of("m"), bodies(queue.receive()));
            queue.delete(message);
            invalidParameter(
                    "Value " + message.receiptHandle() + " for parameter ReceiptHandle is invalid. "
                            + "Reason: Message does not exist or is not available for visibility timeout change.",
                    () -> queue.changeVisibility(message, 10));
        }
    }

    @Test
    void receiptHandlesAreChecked() {
        try (Queue queue = Queue.create("handles")) {
            refused(
                    ReceiptHandleIsInvalidException.class,
                    "ReceiptHandleIsInvalid",
                    404,
                    "The input receipt handle \"garbage\" is not a valid receipt handle.",
                    () -> queue.delete(Message.builder().receiptHandle("garbage").build()));
        }
    }

    @Test
    void delays() {
        try (Queue queue = Queue.create("delay", Map.of(QueueAttributeName.DELAY_SECONDS, "900"))) {
            queue.send("much later");
            assertEquals(List.of(), queue.receive());
            long started = System.nanoTime();
            queue.send("late", r -> r.delaySeconds(1));
            assertEquals("late", queue.receiveOne().body()); // a long poll, woken by the end of the delay
            tookASecond(started);
            queue.send("now", r -> r.delaySeconds(0));
            assertEquals(List.of("now"), bodies(queue.receive()));
        }
    }

    @Test
    void longPollWakesOnSend() throws Exception {
        try (Queue queue = Queue.create("wake-send")) {
            assertEquals(List.of("m"), bodies(wake(queue, () -> queue.send("m"))));
        }
    }

    @Test
    void longPollWakesOnVisibilityChange() throws Exception {
        try (Queue queue = withTimeout("wake-change", "600")) {
            queue.send("m");
            Message message = queue.receiveOne();
            assertEquals(List.of("m"), bodies(wake(queue, () -> queue.changeVisibility(message, 0))));
        }
    }

    @Test
    void longPollEndsEmpty() {
        try (Queue queue = Queue.create("empty")) {
            long started = System.nanoTime();
            assertEquals(List.of(), queue.receive(r -> r.waitTimeSeconds(1)));
            tookASecond(started);
        }
    }
}
