// Signatures: what is signed right was checked by every other test, so these are about what is not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { endpoint, settings } from './support.js';

const skip = process.env.CONFORMANCE_AUTH ? false : 'the server is not known to verify signatures (CONFORMANCE_AUTH)';
const mismatch = /^The request signature we calculated does not match the signature you provided\./;

// Checks that a client with these changes is refused.
async function refusedWith(changes, code, message, middleware) {
  const client = new SQSClient({ ...settings, endpoint, ...changes });
  if (middleware) {
    client.middlewareStack.add(middleware, { step: 'deserialize', priority: 'low' }); // after signing
  }
  await assert.rejects(client.send(new ListQueuesCommand({ QueueNamePrefix: 'before' })), (error) => {
    assert.equal(error.name, code);
    assert.match(error.message, message);
    assert.equal(error.$metadata.httpStatusCode, 403);
    return true;
  });
  client.destroy();
}

const as = (changes) => ({ credentials: { ...settings.credentials, ...changes } });

test('wrong secret', { skip }, () => refusedWith(as({ secretAccessKey: 'wrong' }), 'SignatureDoesNotMatch', mismatch));
test('unknown key', { skip }, () => refusedWith(as({ accessKeyId: 'AKIANOBODY' }), 'InvalidClientTokenId', /^The security token included/));
test('wrong region', { skip }, () => refusedWith({ region: 'eu-nowhere-1' }, 'SignatureDoesNotMatch', /valid region/));
test('clock behind', { skip }, () => refusedWith({ systemClockOffset: -960_000 }, 'SignatureDoesNotMatch', /^Signature expired: /));
test('clock ahead', { skip }, () => refusedWith({ systemClockOffset: 960_000 }, 'SignatureDoesNotMatch', /^Signature not yet current: /));
test('tampered body', { skip }, () =>
  refusedWith({}, 'SignatureDoesNotMatch', mismatch, (next) => (args) => {
    args.request.body = args.request.body.replace('before', 'behind');
    return next(args);
  }));
