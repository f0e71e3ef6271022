// Package keyring keeps the keys that data keys and secrets are wrapped with, and seals and opens with them.
//
// A key has an id, a name, a state, and versions: new things are sealed with the newest version, and the older ones go on opening what
// they have sealed. The keys come from a file, an environment variable or a systemd credential (see [Load]); a file is read again when it
// changes, so that keys are added, rotated, disabled and enabled while a server runs. Where no source is configured, the built-in keys
// are used that [Keyring.UseBuiltin] makes of a secret of the server.
//
// What is sealed looks like this:
//
//	format      1 byte, 1
//	key id      16 bytes
//	version     4 bytes, big-endian
//	nonce       12 bytes, random
//	ciphertext  as long as the plaintext
//	tag         16 bytes
//
// The cipher is AES-256-GCM. Everything before the nonce and the context that the caller gives are authenticated: what was sealed in one
// context cannot be opened in another, nor with another key or version. A version must not seal more than 2^32 times (NIST SP 800-38D,
// 8.3), so messages have data keys of their own.
//
// The package knows nothing of queues. It never logs or prints a secret.
package keyring
