package io.github.staunchmq.conformance;

import static io.github.staunchmq.conformance.Checks.refused;
import static io.github.staunchmq.conformance.Server.environment;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.InputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.InvalidSecurityException;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** What a hardened server alone shows: policies that act, and TLS. Only {@code run.sh --hardened} runs this. */
@Tag("hardened")
class HardenedTest {
    @Test
    void userWithoutPolicy() {
        try (Queue queue = Queue.create("denied");
                SqsClient stranger = Server.clientFor(
                        environment("CONFORMANCE_STRANGER_KEY_ID", ""),
                        environment("CONFORMANCE_STRANGER_SECRET", ""),
                        environment("AWS_REGION", "us-east-1"))) {
            denied("sendmessage", queue, () -> stranger.sendMessage(r -> r.queueUrl(queue.url()).messageBody("m")));
            denied("receivemessage", queue, () -> stranger.receiveMessage(r -> r.queueUrl(queue.url())));
        }
    }

    private static void denied(String action, Queue queue, Executable call) {
        refused(
                SqsException.class,
                "AccessDenied",
                403,
                "User: arn:aws:iam::" + environment("CONFORMANCE_ACCOUNT", "") + ":user/stranger is not authorized to perform: sqs:"
                        + action + " on resource: " + queue.arn() + " because no identity-based policy allows the sqs:" + action
                        + " action",
                call);
    }

    @Test
    void certificateOfAnotherCA() throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream file = Files.newInputStream(Path.of(environment("CONFORMANCE_OTHER_CA", "")))) {
            store.setCertificateEntry("other", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        try (SqsClient client = Server.builder()
                .httpClient(UrlConnectionHttpClient.builder()
                        .tlsTrustManagersProvider(trust::getTrustManagers)
                        .build())
                .build()) {
            SdkClientException error = assertThrows(SdkClientException.class, client::listQueues);
            assertInstanceOf(SSLHandshakeException.class, error.getCause());
        }
    }

    @Test
    void httpToThePortOfHTTPS() {
        URI plain = URI.create(environment("SQS_ENDPOINT", "").replace("https:", "http:"));
        try (SqsClient client = Server.builder().endpointOverride(plain).build()) {
            refused(
                    InvalidSecurityException.class,
                    "InvalidSecurity",
                    403,
                    "The request was not made over HTTPS.",
                    client::listQueues);
        }
    }
}
