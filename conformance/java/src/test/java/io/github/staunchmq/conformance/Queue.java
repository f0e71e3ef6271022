package io.github.staunchmq.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.MessageSystemAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;
import software.amazon.awssdk.services.sqs.model.QueueDoesNotExistException;
import software.amazon.awssdk.services.sqs.model.ReceiveMessageRequest;
import software.amazon.awssdk.services.sqs.model.SendMessageRequest;
import software.amazon.awssdk.services.sqs.model.SendMessageResponse;

/** A queue of a test's own, with the calls that tests make over and over. Closing it deletes the queue. */
record Queue(String name, String url) implements AutoCloseable {
    static Queue create(String purpose, Map<QueueAttributeName, String> attributes) {
        String suffix = attributes.containsKey(QueueAttributeName.FIFO_QUEUE) ? ".fifo" : "";
        String name = uniqueName(purpose) + suffix;
        return new Queue(
                name,
                Server.CLIENT
                        .createQueue(r -> r.queueName(name).attributes(attributes))
                        .queueUrl());
    }

    static Queue create(String purpose) {
        return create(purpose, Map.of());
    }

    static Queue createFifo(String purpose) {
        return create(purpose, Map.of(QueueAttributeName.FIFO_QUEUE, "true"));
    }

    static String uniqueName(String purpose) {
        return "java-" + purpose + "-" + UUID.randomUUID().toString().substring(0, 13);
    }

    Map<QueueAttributeName, String> attributes(QueueAttributeName... names) {
        return Server.CLIENT
                .getQueueAttributes(r -> r.queueUrl(url).attributeNames(names))
                .attributes();
    }

    String attribute(QueueAttributeName name) {
        return attributes(name).get(name);
    }

    String arn() {
        return attribute(QueueAttributeName.QUEUE_ARN);
    }

    SendMessageResponse send(String body) {
        return send(body, r -> {});
    }

    SendMessageResponse send(String body, Consumer<SendMessageRequest.Builder> more) {
        return Server.CLIENT.sendMessage(r -> more.accept(r.queueUrl(url).messageBody(body)));
    }

    /** Sends to a FIFO queue with the body as deduplication ID. */
    SendMessageResponse sendFifo(String group, String body) {
        return send(body, r -> r.messageGroupId(group).messageDeduplicationId(body));
    }

    /** What is there at once, up to ten messages, with all attributes. */
    List<Message> receive() {
        return receive(r -> {});
    }

    List<Message> receive(Consumer<ReceiveMessageRequest.Builder> more) {
        return Server.CLIENT
                .receiveMessage(r -> more.accept(r.queueUrl(url)
                        .maxNumberOfMessages(10)
                        .messageSystemAttributeNames(MessageSystemAttributeName.ALL)
                        .messageAttributeNames("All")))
                .messages();
    }

    /** The one message that must be there within 20 s. */
    Message receiveOne() {
        List<Message> messages = receive(r -> r.maxNumberOfMessages(1).waitTimeSeconds(20));
        assertEquals(1, messages.size(), "messages in " + name);
        return messages.get(0);
    }

    void delete(Message message) {
        Server.CLIENT.deleteMessage(r -> r.queueUrl(url).receiptHandle(message.receiptHandle()));
    }

    void changeVisibility(Message message, int seconds) {
        Server.CLIENT.changeMessageVisibility(r ->
                r.queueUrl(url).receiptHandle(message.receiptHandle()).visibilityTimeout(seconds));
    }

    static List<String> bodies(List<Message> messages) {
        return messages.stream().map(Message::body).collect(Collectors.toList());
    }

    @Override
    public void close() {
        try {
            Server.CLIENT.deleteQueue(r -> r.queueUrl(url));
        } catch (QueueDoesNotExistException e) {
            // The test deleted it.
        }
    }
}
