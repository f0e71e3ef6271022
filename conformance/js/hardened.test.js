// What a hardened server alone shows: policies that act, and TLS. Only `run.sh --hardened` runs this.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { test } from 'node:test';
import { ListQueuesCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { endpoint, Queue, refused, settings } from './support.js';

async function as(changes, command) {
  const client = new SQSClient({ ...settings, endpoint, ...changes });
  try {
    return await client.send(command);
  } finally {
    client.destroy();
  }
}

test('a user without a policy is denied', async () => {
  const queue = await Queue.create('denied');
  const credentials = {
    accessKeyId: process.env.CONFORMANCE_STRANGER_KEY_ID,
    secretAccessKey: process.env.CONFORMANCE_STRANGER_SECRET,
  };
  const arn = await queue.arn();
  for (const [action, command] of [
    ['sendmessage', new SendMessageCommand({ QueueUrl: queue.url, MessageBody: 'm' })],
    ['receivemessage', new ReceiveMessageCommand({ QueueUrl: queue.url })],
  ]) {
    await refused(as({ credentials }, command), {
      name: 'AccessDenied',
      status: 403,
      message:
        `User: arn:aws:iam::${process.env.CONFORMANCE_ACCOUNT}:user/stranger is not authorized to perform: sqs:${action} ` +
        `on resource: ${arn} because no identity-based policy allows the sqs:${action} action`,
    });
  }
});

test('a certificate of another CA is refused', async () => {
  const httpsAgent = new Agent({ ca: readFileSync(process.env.CONFORMANCE_OTHER_CA) });
  await assert.rejects(as({ requestHandler: { httpsAgent } }, new ListQueuesCommand({})), /certificate|signature/);
});

test('HTTP to the port of HTTPS', async () => {
  await refused(as({ endpoint: endpoint.replace('https:', 'http:') }, new ListQueuesCommand({})), {
    name: 'InvalidSecurity',
    status: 403,
    message: 'The request was not made over HTTPS.',
  });
});
