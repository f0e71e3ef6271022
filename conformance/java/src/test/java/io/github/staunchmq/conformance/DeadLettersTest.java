package io.github.staunchmq.conformance;

import static io.github.staunchmq.conformance.Checks.invalidParameter;
import static io.github.staunchmq.conformance.Checks.refused;
import static io.github.staunchmq.conformance.Queue.bodies;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sqs.model.ListMessageMoveTasksResultEntry;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.ResourceNotFoundException;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;

/** Dead-letter queues and message move tasks. */
class DeadLettersTest {
    /** A queue whose messages go to dead after one receive. Receives hide nothing. */
    private static Queue source(String purpose, Queue dead) {
        String policy = "{\"deadLetterTargetArn\":\"" + dead.arn() + "\",\"maxReceiveCount\":\"1\"}";
        return Queue.create(
                purpose, Map.of(QueueAttributeName.REDRIVE_POLICY, policy, QueueAttributeName.VISIBILITY_TIMEOUT, "0"));
    }

    /** Receives all of a source's messages once, and once more; returns when all are in the dead-letter queue. */
    private static void useUp(Queue source, Queue dead) throws InterruptedException {
        String count = String.valueOf(source.receive().size());
        assertEquals(List.of(), source.receive());
        for (int i = 0; i < 1200; i++) {
            if (count.equals(dead.attribute(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES))) {
                return;
            }
            Thread.sleep(100);
        }
        fail("the " + count + " messages did not reach the dead-letter queue");
    }

    /** The newest move task of a queue, once it has ended. */
    private static ListMessageMoveTasksResultEntry finished(String arn) throws InterruptedException {
        for (int i = 0; i < 1200; i++) {
            ListMessageMoveTasksResultEntry task =
                    Server.CLIENT.listMessageMoveTasks(r -> r.sourceArn(arn)).results().get(0);
            if (!List.of("RUNNING", "CANCELLING").contains(task.status())) {
                return task;
            }
            Thread.sleep(100);
        }
        return fail("the move task did not end");
    }

    @Test
    void messageGoesToTheDeadLetterQueue() {
        try (Queue dead = Queue.create("dlq-dead");
                Queue source = source("dlq", dead)) {
            SendMessageResponse sent = source.send("poison");
            assertEquals(List.of("poison"), bodies(source.receive()));
            assertEquals(List.of(), source.receive());
            Message message = dead.receiveOne();
            assertEquals("poison", message.body());
            assertEquals(sent.messageId(), message.messageId());
            assertEquals(source.arn(), message.attributes().get(MessageSystemAttributeName.DEAD_LETTER_QUEUE_SOURCE_ARN));
            assertEquals("2", message.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT));
            assertEquals(
                    List.of(source.url()),
                    Server.CLIENT
                            .listDeadLetterSourceQueues(r -> r.queueUrl(dead.url()))
                            .queueUrls());
            assertEquals(
                    "{\"deadLetterTargetArn\":\"" + dead.arn() + "\",\"maxReceiveCount\":1}",
                    source.attribute(QueueAttributeName.REDRIVE_POLICY));
        }
    }

    @Test
    void moveTaskReturnsMessagesToTheirSource() throws Exception {
        try (Queue dead = Queue.create("move-dead");
                Queue source = source("move", dead)) {
            SendMessageResponse sent = source.send("m");
            useUp(source, dead);
            String handle = Server.CLIENT.startMessageMoveTask(r -> r.sourceArn(dead.arn())).taskHandle();
            assertFalse(handle.isEmpty());
            ListMessageMoveTasksResultEntry task = finished(dead.arn());
            assertEquals("COMPLETED", task.status());
            assertEquals(1, task.approximateNumberOfMessagesMoved());
            assertNull(task.taskHandle());
            Message message = source.receiveOne();
            assertEquals("m", message.body());
            assertNotEquals(sent.messageId(), message.messageId());
            assertNull(message.attributes().get(MessageSystemAttributeName.DEAD_LETTER_QUEUE_SOURCE_ARN));
        }
    }

    @Test
    void moveTaskCanBeCancelled() throws Exception {
        try (Queue dead = Queue.create("cancel-dead");
                Queue source = source("cancel", dead)) {
            for (int i = 0; i < 10; i++) {
                source.send("m" + i);
            }
            useUp(source, dead);
            String arn = dead.arn();
            String handle = Server.CLIENT
                    .startMessageMoveTask(r -> r.sourceArn(arn).maxNumberOfMessagesPerSecond(1))
                    .taskHandle();
            invalidParameter(
                    "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
                    () -> Server.CLIENT.startMessageMoveTask(r -> r.sourceArn(arn)));
            Server.CLIENT.cancelMessageMoveTask(r -> r.taskHandle(handle));
            assertEquals("CANCELLED", finished(arn).status());
        }
    }

    @Test
    void moveTaskErrors() {
        try (Queue dead = Queue.create("errors-dead");
                Queue source = source("errors", dead)) {
            refused(
                    ResourceNotFoundException.class,
                    "ResourceNotFoundException",
                    404,
                    "The resource that you specified for the SourceArn parameter doesn't exist.",
                    () -> Server.CLIENT.startMessageMoveTask(r -> r.sourceArn(dead.arn() + "-none")));
            invalidParameter(
                    "Source queue must be configured as a Dead Letter Queue.",
                    () -> Server.CLIENT.startMessageMoveTask(r -> r.sourceArn(source.arn())));
        }
    }
}
