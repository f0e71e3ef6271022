package io.github.staunchmq.conformance;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Optional;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestWatcher;

/** Appends "passed|failed|skipped [tab] class/method" to the file that CONFORMANCE_RESULTS names. */
public final class Results implements TestWatcher {
    @Override
    public void testSuccessful(ExtensionContext context) {
        write("passed", context);
    }

    @Override
    public void testFailed(ExtensionContext context, Throwable cause) {
        write("failed", context);
    }

    @Override
    public void testAborted(ExtensionContext context, Throwable cause) {
        write("skipped", context);
    }

    @Override
    public void testDisabled(ExtensionContext context, Optional<String> reason) {
        write("skipped", context);
    }

    private static synchronized void write(String outcome, ExtensionContext context) {
        String file = System.getenv("CONFORMANCE_RESULTS");
        if (file == null) {
            return;
        }
        String name = context.getRequiredTestClass().getSimpleName() + "/" + context.getRequiredTestMethod().getName();
        try {
            Files.writeString(
                    Path.of(file), outcome + "\t" + name + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
