// sqs-consumer: the polling library most Node.js programs use.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Consumer } from 'sqs-consumer';
import { client, Queue } from './support.js';

// Runs a consumer until done says so, then stops it. Errors it emits fail the test, but for those of the handler.
async function consume(queue, options, done) {
  const consumer = Consumer.create({
    queueUrl: queue.url,
    sqs: client,
    waitTimeSeconds: 5,
    alwaysAcknowledge: true,
    ...options,
  });
  await new Promise((resolve, reject) => {
    consumer.on('error', reject);
    consumer.on('timeout_error', reject);
    const look = () => done() && resolve();
    consumer.on('message_processed', look);
    consumer.on('response_processed', look);
    consumer.on('processing_error', look);
    consumer.start();
  }).finally(() => consumer.stop({ abort: true }));
}

const empty = async (queue) => {
  const attributes = await queue.attributes();
  return attributes.ApproximateNumberOfMessages === '0' && attributes.ApproximateNumberOfMessagesNotVisible === '0';
};

test('consumer handles messages and deletes them', async () => {
  const queue = await Queue.create('consumer');
  await queue.send('one');
  await queue.send('two');
  const seen = [];
  const handleMessage = async (message) => void seen.push(message.Body);
  await consume(queue, { handleMessage, batchSize: 1 }, () => seen.length === 2);
  assert.deepEqual(seen.sort(), ['one', 'two']);
  assert.ok(await empty(queue));
});

test('consumer handles batches and deletes them', async () => {
  const queue = await Queue.create('consumer-batch');
  for (let i = 0; i < 10; i++) {
    await queue.send(`m${i}`);
  }
  const seen = new Set();
  const handleMessageBatch = async (messages) => messages.forEach((message) => seen.add(message.Body));
  await consume(queue, { handleMessageBatch, batchSize: 10 }, () => seen.size === 10);
  assert.ok(await empty(queue));
});

test('consumer returns a message whose handler failed', async () => {
  const queue = await Queue.create('consumer-fail', { VisibilityTimeout: '600' });
  await queue.send('m');
  const counts = [];
  const handleMessage = async (message) => {
    counts.push(message.Attributes.ApproximateReceiveCount);
    if (counts.length === 1) {
      throw new Error('the first try fails');
    }
  };
  const options = {
    handleMessage,
    alwaysAcknowledge: false,
    terminateVisibilityTimeout: true,
    messageSystemAttributeNames: ['ApproximateReceiveCount'],
  };
  await consume(queue, options, () => counts.length === 2);
  assert.deepEqual(counts, ['1', '2']);
});
