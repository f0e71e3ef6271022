// Messages: bodies, attributes, sizes, batches, purge, and the errors of each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  PurgeQueueCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { bodies, call, clientWithoutEndpoint, Queue, refused } from './support.js';

const mebibyte = 1_048_576;
const invalid = (message) => ({ name: 'InvalidParameterValue', message });
const batchError = (name, message) => ({ name, code: `AWS.SimpleQueueService.${name}`, message });

test('life of a message', async () => {
  const queue = await Queue.create('life');
  const sent = await queue.send('message');
  assert.equal(sent.MD5OfMessageBody, '78e731027d8fd50ed642340b7c9a63b3');
  assert.equal(sent.MD5OfMessageAttributes, undefined);
  const message = await queue.receiveOne();
  assert.equal(message.Body, 'message');
  assert.equal(message.MessageId, sent.MessageId);
  assert.equal(message.MessageAttributes, undefined);
  assert.deepEqual(await queue.receive(), []);
  await queue.delete(message);
  await queue.delete(message);
  assert.equal((await queue.attributes()).ApproximateNumberOfMessagesNotVisible, '0');
});

test('bodies come back as sent', async () => {
  const queue = await Queue.create('bodies');
  for (const body of [
    'Grüße, 世界, 🦆',
    '<a href="x">&amp; \'y\' ]]></a>',
    'line\r\nnext\rlone\n\ttab',
    '  spaces stay  ',
    '{"json": "\\u0041\\\\"}',
    '\ud7ff\ue000\ufffd',
  ]) {
    await queue.send(body, { MessageAttributes: { same: { DataType: 'String', StringValue: body } } });
    const message = await queue.receiveOne();
    assert.equal(message.Body, body);
    assert.equal(message.MessageAttributes.same.StringValue, body);
    await queue.delete(message);
  }
});

test('message attributes and their digest', async () => {
  const queue = await Queue.create('attributes');
  const digest = 'd838729972a4b70e2d2acd9d59ac847c'; // recorded from AWS
  const sent = await queue.send('m', {
    MessageAttributes: {
      color: { DataType: 'String', StringValue: 'blue' },
      count: { DataType: 'Number', StringValue: '3' },
      blob: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2, 3]) },
    },
  });
  assert.equal(sent.MD5OfMessageAttributes, digest);
  const message = await queue.receiveOne({ VisibilityTimeout: 0 });
  assert.equal(message.MD5OfMessageAttributes, digest);
  assert.deepEqual(message.MessageAttributes.count, { DataType: 'Number', StringValue: '3' });
  assert.deepEqual([...message.MessageAttributes.blob.BinaryValue], [1, 2, 3]);
  const part = await queue.receiveOne({ MessageAttributeNames: ['co.*'] });
  assert.deepEqual(Object.keys(part.MessageAttributes).sort(), ['color', 'count']);
});

test('system attributes', async () => {
  const trace = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1';
  const queue = await Queue.create('system');
  const sent = await queue.send('m', {
    MessageGroupId: 'tenant',
    MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: trace } },
  });
  assert.equal(sent.MD5OfMessageSystemAttributes, '5ae4d5d7636402d80f4eb6d213245a88');
  const { Attributes } = await queue.receiveOne();
  assert.deepEqual(Object.keys(Attributes).sort(), [
    'AWSTraceHeader',
    'ApproximateFirstReceiveTimestamp',
    'ApproximateReceiveCount',
    'MessageGroupId',
    'SenderId',
    'SentTimestamp',
  ]);
  assert.equal(Attributes.AWSTraceHeader, trace);
});

test('size limits', async () => {
  const small = await Queue.create('small', { MaximumMessageSize: '1024' });
  for (const [queue, max] of [
    [small, 1024],
    [await Queue.create('large'), mebibyte],
  ]) {
    await queue.send('x'.repeat(max));
    await refused(
      queue.send('x'.repeat(max + 1)),
      invalid(`One or more parameters are invalid. Reason: Message must be shorter than ${max} bytes.`),
    );
    assert.equal((await queue.receiveOne()).Body.length, max);
  }
});

test('content errors', async () => {
  const queue = await Queue.create('content');
  await refused(queue.send('a\x08'), { name: 'InvalidMessageContents' });
  await refused(queue.send(''), {
    name: 'MissingParameter',
    message: 'The request must contain the parameter MessageBody.',
  });
  await refused(
    queue.send('m', { MessageAttributes: { a: { DataType: 'String', StringValue: '' } } }),
    invalid("Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
  );
  await refused(
    queue.receive({ MaxNumberOfMessages: 11 }),
    invalid('Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.'),
  );
});

test('batch of ten with one bad entry', async () => {
  const queue = await Queue.create('batch', { MaximumMessageSize: '1024' });
  const QueueUrl = queue.url;
  const entries = Array.from({ length: 10 }, (_, i) => ({ Id: `id-${i}`, MessageBody: `m${i}` }));
  entries[3].MessageBody = 'x'.repeat(1025);
  const sent = await call(new SendMessageBatchCommand({ QueueUrl, Entries: entries }));
  assert.equal(sent.Successful.length, 9);
  assert.deepEqual(sent.Failed, [
    {
      Id: 'id-3',
      SenderFault: true,
      Code: 'InvalidParameterValue',
      Message: 'One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.',
    },
  ]);
  const received = [];
  while (received.length < 9) {
    const messages = await queue.receive({ WaitTimeSeconds: 2 });
    assert.ok(messages.length > 0, `only ${received.length} of 9 came`);
    received.push(...messages);
  }
  const changed = await call(
    new ChangeMessageVisibilityBatchCommand({
      QueueUrl,
      Entries: [
        { Id: 'good', ReceiptHandle: received[0].ReceiptHandle, VisibilityTimeout: 60 },
        { Id: 'bad', ReceiptHandle: 'garbage', VisibilityTimeout: 60 },
      ],
    }),
  );
  assert.deepEqual(changed.Successful, [{ Id: 'good' }]);
  assert.equal(changed.Failed[0].Code, 'ReceiptHandleIsInvalid');
  const deleted = await call(
    new DeleteMessageBatchCommand({
      QueueUrl,
      Entries: received.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle })),
    }),
  );
  assert.equal(deleted.Successful.length, 9);
  assert.equal(deleted.Failed, undefined);
});

test('batches are refused whole', async () => {
  const queue = await Queue.create('whole');
  const send = (body, ...ids) =>
    call(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries: ids.map((Id) => ({ Id, MessageBody: body })) }));
  await refused(
    send('m'),
    batchError('EmptyBatchRequest', 'There should be at least one SendMessageBatchRequestEntry in the request.'),
  );
  await refused(
    send('m', ...'abcdefghijk'),
    batchError('TooManyEntriesInBatchRequest', 'Maximum number of entries per request are 10. You have sent 11.'),
  );
  await refused(send('m', 'a', 'a'), batchError('BatchEntryIdsNotDistinct', 'Id a repeated.'));
  await refused(send('m', 'a b'), batchError('InvalidBatchEntryId'));
  await refused(
    send('x'.repeat(mebibyte / 2 + 1), 'a', 'b'),
    batchError(
      'BatchRequestTooLong',
      'Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes.',
    ),
  );
});

test('purge', async () => {
  const queue = await Queue.create('purge');
  await queue.send('m');
  await call(new PurgeQueueCommand({ QueueUrl: queue.url }));
  assert.deepEqual(await queue.receive(), []);
  await refused(call(new PurgeQueueCommand({ QueueUrl: queue.url })), {
    ...batchError('PurgeQueueInProgress'),
    status: 403,
    message: `Only one PurgeQueue operation on ${queue.name} is allowed every 60 seconds.`,
  });
});

test('a client without an endpoint finds the server by the queue URL', async () => {
  const queue = await Queue.create('url');
  const client = clientWithoutEndpoint();
  await client.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: 'm' }));
  client.destroy();
  assert.deepEqual(bodies(await queue.receive()), ['m']);
});
