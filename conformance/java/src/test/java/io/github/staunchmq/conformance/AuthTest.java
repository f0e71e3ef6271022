package io.github.staunchmq.conformance;

import static io.github.staunchmq.conformance.Checks.refused;
import static io.github.staunchmq.conformance.Server.environment;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.SqsException;

/** Signatures: what is signed right was checked by every other test, so these are about what is not. */
@EnabledIfEnvironmentVariable(named = "CONFORMANCE_AUTH", matches = ".+")
class AuthTest {
    private final String id = environment("AWS_ACCESS_KEY_ID", "");
    private final String secret = environment("AWS_SECRET_ACCESS_KEY", "");
    private final String region = environment("AWS_REGION", "us-east-1");

    private void check(String id, String secret, String region, String code, String message) {
        try (SqsClient client = Server.clientFor(id, secret, region)) {
            refused(SqsException.class, code, 403, message, client::listQueues);
        }
    }

    @Test
    void wrongSecret() {
        check(id, "wrong", region, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. "
                + "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.");
    }

    @Test
    void unknownKey() {
        check("AKIANOBODY", secret, region, "InvalidClientTokenId", "The security token included in the request is invalid.");
    }

    @Test
    void wrongRegion() {
        check(id, secret, "eu-nowhere-1", "SignatureDoesNotMatch", "Credential should be scoped to a valid region.");
    }
}
