// Delivery: visibility timeouts, delays, long polls, receipt handles.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodies, prompt, Queue, refused, wake } from './support.js';

test('message comes again after its visibility timeout', async () => {
  const queue = await Queue.create('timeout', { VisibilityTimeout: '1' });
  await queue.send('m');
  const started = performance.now();
  const first = await queue.receiveOne();
  const second = await queue.receiveOne(); // a long poll, woken by the timeout
  const waited = performance.now() - started;
  assert.ok(waited > 990 && waited < prompt, `came again after ${waited} ms`);
  assert.equal(second.MessageId, first.MessageId);
  assert.notEqual(second.ReceiptHandle, first.ReceiptHandle);
  assert.equal(first.Attributes.ApproximateReceiveCount, '1');
  assert.equal(second.Attributes.ApproximateReceiveCount, '2');
  await queue.delete(first); // the old handle still names the message
  assert.equal((await queue.attributes()).ApproximateNumberOfMessagesNotVisible, '0');
});

test('visibility changes', async () => {
  const queue = await Queue.create('change', { VisibilityTimeout: '600' });
  await queue.send('m');
  const message = await queue.receiveOne();
  await queue.changeVisibility(message, 0);
  const again = await queue.receiveOne();
  assert.equal(again.MessageId, message.MessageId);
  await queue.delete(again);
  await refused(queue.changeVisibility(message, 10), {
    name: 'InvalidParameterValue',
    message:
      `Value ${message.ReceiptHandle} for parameter ReceiptHandle is invalid. ` +
      'Reason: Message does not exist or is not available for visibility timeout change.',
  });
});

test('receipt handles are checked', async () => {
  const queue = await Queue.create('handles');
  const garbage = { ReceiptHandle: 'garbage' };
  const wanted = {
    name: 'ReceiptHandleIsInvalid',
    status: 404,
    message: 'The input receipt handle "garbage" is not a valid receipt handle.',
  };
  await refused(queue.delete(garbage), wanted);
  await refused(queue.changeVisibility(garbage, 0), wanted);
});

test('delays', async () => {
  const queue = await Queue.create('delay', { DelaySeconds: '900' });
  await queue.send('much later');
  assert.deepEqual(await queue.receive(), []);
  const started = performance.now();
  await queue.send('late', { DelaySeconds: 1 });
  assert.equal((await queue.receiveOne()).Body, 'late'); // a long poll, woken by the end of the delay
  const waited = performance.now() - started;
  assert.ok(waited > 990 && waited < prompt, `came after ${waited} ms`);
  await queue.send('now', { DelaySeconds: 0 });
  assert.deepEqual(bodies(await queue.receive()), ['now']);
});

test('long poll wakes on send', async () => {
  const queue = await Queue.create('wake-send');
  assert.deepEqual(bodies(await wake(queue, () => queue.send('m'))), ['m']);
});

test('long poll wakes on visibility change', async () => {
  const queue = await Queue.create('wake-change', { VisibilityTimeout: '600' });
  await queue.send('m');
  const message = await queue.receiveOne();
  assert.deepEqual(bodies(await wake(queue, () => queue.changeVisibility(message, 0))), ['m']);
});

test('long poll ends empty', async () => {
  const queue = await Queue.create('empty');
  const started = performance.now();
  assert.deepEqual(await queue.receive({ WaitTimeSeconds: 1 }), []);
  const waited = performance.now() - started;
  assert.ok(waited > 990 && waited < prompt, `waited ${waited} ms`);
});
