// Dead-letter queues and message move tasks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CancelMessageMoveTaskCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { bodies, call, Queue, refused } from './support.js';

// A source queue and its dead-letter queue, to which messages go after one receive. Receives hide nothing.
async function pair(purpose) {
  const dead = await Queue.create(purpose + '-dead');
  const policy = JSON.stringify({ deadLetterTargetArn: await dead.arn(), maxReceiveCount: '1' });
  const source = await Queue.create(purpose, { RedrivePolicy: policy, VisibilityTimeout: '0' });
  return [source, dead];
}

// Receives all of a source's messages once, and once more; returns when all are in the dead-letter queue.
async function useUp(source, dead) {
  const { length } = await source.receive();
  assert.deepEqual(await source.receive(), []);
  for (let i = 0; i < 1200; i++) {
    if ((await dead.attributes()).ApproximateNumberOfMessages === `${length}`) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`the ${length} messages did not reach the dead-letter queue`);
}

// The newest move task of a queue, once it has ended.
async function finished(SourceArn) {
  for (let i = 0; i < 1200; i++) {
    const { Results } = await call(new ListMessageMoveTasksCommand({ SourceArn }));
    if (!['RUNNING', 'CANCELLING'].includes(Results[0].Status)) {
      return Results[0];
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail('the move task did not end');
}

test('message goes to the dead-letter queue', async () => {
  const [source, dead] = await pair('dlq');
  const sent = await source.send('poison');
  assert.deepEqual(bodies(await source.receive()), ['poison']);
  assert.deepEqual(await source.receive(), []);
  const message = await dead.receiveOne();
  assert.equal(message.Body, 'poison');
  assert.equal(message.MessageId, sent.MessageId);
  assert.equal(message.Attributes.DeadLetterQueueSourceArn, await source.arn());
  assert.equal(message.Attributes.ApproximateReceiveCount, '2');
  const { queueUrls } = await call(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead.url }));
  assert.deepEqual(queueUrls, [source.url]);
  assert.deepEqual(await source.attributes('RedrivePolicy'), {
    RedrivePolicy: `{"deadLetterTargetArn":"${await dead.arn()}","maxReceiveCount":1}`,
  });
});

test('move task returns messages to their source', async () => {
  const [source, dead] = await pair('move');
  const sent = await source.send('m');
  await useUp(source, dead);
  const SourceArn = await dead.arn();
  assert.ok((await call(new StartMessageMoveTaskCommand({ SourceArn }))).TaskHandle);
  const task = await finished(SourceArn);
  assert.equal(task.Status, 'COMPLETED');
  assert.equal(task.ApproximateNumberOfMessagesMoved, 1);
  assert.equal(task.TaskHandle, undefined);
  const message = await source.receiveOne();
  assert.equal(message.Body, 'm');
  assert.notEqual(message.MessageId, sent.MessageId);
  assert.equal(message.Attributes.DeadLetterQueueSourceArn, undefined);
});

test('move task can be cancelled', async () => {
  const [source, dead] = await pair('cancel');
  for (let i = 0; i < 10; i++) {
    await source.send(`m${i}`);
  }
  await useUp(source, dead);
  const SourceArn = await dead.arn();
  const start = () => call(new StartMessageMoveTaskCommand({ SourceArn, MaxNumberOfMessagesPerSecond: 1 }));
  const { TaskHandle } = await start();
  await refused(start(), {
    name: 'InvalidParameterValue',
    message:
      'There is already a task running. Only one active task is allowed for a source queue arn at a given time.',
  });
  await call(new CancelMessageMoveTaskCommand({ TaskHandle }));
  assert.equal((await finished(SourceArn)).Status, 'CANCELLED');
});

test('move task errors', async () => {
  const [source, dead] = await pair('move-errors');
  const start = (SourceArn) => call(new StartMessageMoveTaskCommand({ SourceArn }));
  await refused(start((await dead.arn()) + '-none'), {
    name: 'ResourceNotFoundException',
    status: 404,
    message: "The resource that you specified for the SourceArn parameter doesn't exist.",
  });
  await refused(start(await source.arn()), {
    name: 'InvalidParameterValue',
    message: 'Source queue must be configured as a Dead Letter Queue.',
  });
});
