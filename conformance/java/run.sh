#!/usr/bin/env bash
# Runs the Java suite. Called by ../run.sh. Packages and build go to the cache.
source "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")"
debian_package javac default-jdk-headless
debian_package mvn maven
property() {
	sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" pom.xml
}
client_says "AWS SDK for Java $(property aws.version), $(javac -version 2>&1)"
selected=(-DexcludedGroups=hardened)
if hardened; then
	trust=$CONFORMANCE_HARDENED/trust.p12
	rm -f "$trust"
	keytool -importcert -noprompt -alias staunch -file "$AWS_CA_BUNDLE" -keystore "$trust" -storepass changeit
	# For the tests alone: what Maven itself downloads is signed by other CAs.
	selected=("-Dconformance.jvm=-Djavax.net.ssl.trustStore=$trust -Djavax.net.ssl.trustStorePassword=changeit")
fi
mvn --batch-mode --no-transfer-progress -Dmaven.repo.local="$CONFORMANCE_CACHE/java/repository" \
	-Daether.connector.http.retryHandler.count=5 -Dmaven.wagon.http.retryHandler.count=5 -Dconformance.build="$CONFORMANCE_CACHE/java/target" "${selected[@]}" test
