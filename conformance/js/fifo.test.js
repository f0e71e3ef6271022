// FIFO queues: order, groups and their locks, deduplication, sequence numbers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodies, Queue, refused, wake } from './support.js';

const fifo = (purpose, attributes = {}) => Queue.create(purpose, { FifoQueue: 'true', ...attributes });

// Sends with the body as deduplication ID, or with the one given.
const send = (queue, body, group = 'g', id = body) =>
  queue.send(body, { MessageGroupId: group, MessageDeduplicationId: id });

test('order and sequence numbers', async () => {
  const queue = await fifo('order');
  const numbers = [];
  for (const body of ['m0', 'm1', 'm2']) {
    numbers.push((await send(queue, body)).SequenceNumber);
  }
  assert.ok(numbers.every((number) => /^\d{20}$/.test(number)), `${numbers}`);
  assert.deepEqual(numbers, [...new Set(numbers)].sort());
  const messages = await queue.receive();
  assert.deepEqual(bodies(messages), ['m0', 'm1', 'm2']);
  assert.deepEqual(messages.map((message) => message.Attributes.SequenceNumber), numbers);
});

test('a group waits for its first message', async () => {
  const queue = await fifo('lock');
  await send(queue, 'a1', 'a');
  await send(queue, 'a2', 'a');
  await send(queue, 'b1', 'b');
  const a1 = await queue.receiveOne();
  assert.equal(a1.Body, 'a1');
  assert.deepEqual(bodies(await queue.receive()), ['b1']);
  await queue.delete(a1);
  assert.deepEqual(bodies(await queue.receive()), ['a2']);
});

test('long poll wakes when a group unlocks', async () => {
  const queue = await fifo('wake');
  await send(queue, 'm1');
  await send(queue, 'm2');
  const m1 = await queue.receiveOne();
  assert.deepEqual(bodies(await wake(queue, () => queue.delete(m1))), ['m2']);
});

test('deduplication', async () => {
  const queue = await fifo('dedup');
  const first = await send(queue, 'one', 'a', 'same');
  const again = await send(queue, 'other', 'b', 'same');
  assert.deepEqual([again.MessageId, again.SequenceNumber], [first.MessageId, first.SequenceNumber]);
  await queue.delete(await queue.receiveOne());
  await send(queue, 'one', 'a', 'same');
  assert.deepEqual(await queue.receive(), []);
});

test('deduplication by content', async () => {
  const queue = await fifo('content', { ContentBasedDeduplication: 'true' });
  const first = await queue.send('same', { MessageGroupId: 'g' });
  const again = await queue.send('same', { MessageGroupId: 'g' });
  assert.equal(again.MessageId, first.MessageId);
  assert.equal(
    (await queue.receiveOne()).Attributes.MessageDeduplicationId,
    '0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5', // recorded from AWS
  );
});

test('send errors', async () => {
  const queue = await fifo('errors');
  await refused(queue.send('m'), {
    name: 'MissingParameter',
    message: 'The request must contain the parameter MessageGroupId.',
  });
  await refused(queue.send('m', { MessageGroupId: 'g' }), {
    name: 'InvalidParameterValue',
    message:
      'The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
  });
});
