package io.github.staunchmq.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.services.sqs.model.Message;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** Checks that several test classes share. */
final class Checks {
    /** What ends a long poll has to end it within so many ms: far below the waits asked for, far above what a slow machine needs. */
    static final long PROMPT = 10_000;

    private Checks() {}

    /** Checks that a call fails with an error of this class, code and HTTP status, and, unless null, this message. */
    static void refused(
            Class<? extends SqsException> kind, String code, int status, String message, Executable call) {
        SqsException error = assertThrows(kind, call);
        assertEquals(code, error.awsErrorDetails().errorCode());
        assertEquals(status, error.statusCode());
        if (message != null) {
            assertEquals(message, error.awsErrorDetails().errorMessage());
        }
    }

    /** Checks that a call fails with InvalidParameterValue, which SQS does not model. */
    static void invalidParameter(String message, Executable call) {
        refused(SqsException.class, "InvalidParameterValue", 400, message, call);
    }

    /** Starts a long poll of 20 s, runs event once it waits, and returns what it got, which must come promptly. */
    static List<Message> wake(Queue queue, Runnable event) throws Exception {
        CompletableFuture<List<Message>> waiting = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                waiting.complete(queue.receive(r -> r.waitTimeSeconds(20)));
            } catch (RuntimeException e) {
                waiting.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        thread.join(300); // the receive has reached the server
        assertFalse(waiting.isDone(), "the receive did not wait");
        event.run();
        return waiting.get(PROMPT, TimeUnit.MILLISECONDS);
    }

    /** Checks that something that takes a second began then, by System.nanoTime, and has just ended. */
    static void tookASecond(long started) {
        long milliseconds = (System.nanoTime() - started) / 1_000_000;
        assertTrue(990 <= milliseconds && milliseconds < PROMPT, "took " + milliseconds + " ms");
    }
}
