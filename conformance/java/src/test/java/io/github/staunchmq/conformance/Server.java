package io.github.staunchmq.conformance;

import java.net.URI;
import java.time.Duration;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.retries.DefaultRetryStrategy;
import software.amazon.awssdk.services.sqs.SqsAsyncClient;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.SqsClientBuilder;

/**
 * The endpoint under test, and clients for it. They never retry, since a retry would hide a fault, and check the digests
 * of bodies and attributes, as the SDK does by default.
 */
final class Server {
    static final SqsClient CLIENT = builder().build();

    private Server() {}

    /** What the clients have in common. */
    static SqsClientBuilder builder() {
        return SqsClient.builder()
                .endpointOverride(endpoint())
                .region(region())
                .credentialsProvider(credentials())
                .httpClient(UrlConnectionHttpClient.builder()
                        .socketTimeout(Duration.ofSeconds(30))
                        .build())
                .overrideConfiguration(withoutRetries());
    }

    /** A client that signs with these credentials, for this region. */
    static SqsClient clientFor(String id, String secret, String region) {
        return builder()
                .region(Region.of(region))
                .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create(id, secret)))
                .build();
    }

    static SqsAsyncClient asyncClient() {
        return SqsAsyncClient.builder()
                .endpointOverride(endpoint())
                .region(region())
                .credentialsProvider(credentials())
                .overrideConfiguration(withoutRetries())
                .build();
    }

    private static URI endpoint() {
        return URI.create(environment("SQS_ENDPOINT", "http://127.0.0.1:9324"));
    }

    private static Region region() {
        return Region.of(environment("AWS_REGION", "us-east-1"));
    }

    private static StaticCredentialsProvider credentials() {
        return StaticCredentialsProvider.create(AwsBasicCredentials.create(
                environment("AWS_ACCESS_KEY_ID", "test"), environment("AWS_SECRET_ACCESS_KEY", "test")));
    }

    private static ClientOverrideConfiguration withoutRetries() {
        return ClientOverrideConfiguration.builder()
                .retryStrategy(DefaultRetryStrategy.doNotRetry())
                .build();
    }

    static String environment(String name, String fallback) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? fallback : value;
    }
}
