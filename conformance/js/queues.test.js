// Queues: names and URLs, attributes, tags, permissions, lists.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  AddPermissionCommand,
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  paginateListQueues,
  RemovePermissionCommand,
  SendMessageBatchCommand,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from '@aws-sdk/client-sqs';
import { call, client, notFound, Queue, refused, uniqueName } from './support.js';

test('create is idempotent and the URL is found by name', async () => {
  const queue = await Queue.create('create', { DelaySeconds: '5' });
  assert.ok(queue.url.endsWith('/' + queue.name));
  assert.equal((await call(new CreateQueueCommand({ QueueName: queue.name }))).QueueUrl, queue.url);
  assert.equal((await call(new GetQueueUrlCommand({ QueueName: queue.name }))).QueueUrl, queue.url);
  assert.deepEqual((await call(new ListQueuesCommand({ QueueNamePrefix: queue.name }))).QueueUrls, [queue.url]);
  await refused(call(new CreateQueueCommand({ QueueName: queue.name, Attributes: { DelaySeconds: '6' } })), {
    name: 'QueueNameExists',
    code: 'QueueAlreadyExists',
    message: 'A queue already exists with the same name and a different value for attribute DelaySeconds',
  });
});

test('list is paged', async () => {
  const prefix = uniqueName('paged');
  const urls = [];
  for (const i of [0, 1, 2]) {
    urls.push((await call(new CreateQueueCommand({ QueueName: `${prefix}-${i}` }))).QueueUrl);
  }
  const pages = [];
  for await (const page of paginateListQueues({ client, pageSize: 2 }, { QueueNamePrefix: prefix })) {
    pages.push(page.QueueUrls);
  }
  assert.equal(pages.length, 2);
  assert.deepEqual(pages.flat().sort(), urls);
  await Promise.all(urls.map((QueueUrl) => call(new DeleteQueueCommand({ QueueUrl }))));
});

test('attributes are set and read', async () => {
  const queue = await Queue.create('attributes');
  const { QueueArn, CreatedTimestamp, LastModifiedTimestamp, ...rest } = await queue.attributes();
  assert.ok(QueueArn.endsWith(':' + queue.name) && CreatedTimestamp && LastModifiedTimestamp);
  assert.deepEqual(rest, {
    ApproximateNumberOfMessages: '0',
    ApproximateNumberOfMessagesDelayed: '0',
    ApproximateNumberOfMessagesNotVisible: '0',
    DelaySeconds: '0',
    MaximumMessageSize: '1048576',
    MessageRetentionPeriod: '345600',
    ReceiveMessageWaitTimeSeconds: '0',
    SqsManagedSseEnabled: 'true',
    VisibilityTimeout: '30',
  });
  const set = (Attributes) => call(new SetQueueAttributesCommand({ QueueUrl: queue.url, Attributes }));
  await set({ VisibilityTimeout: '43200' });
  assert.deepEqual(await queue.attributes('VisibilityTimeout'), { VisibilityTimeout: '43200' });
  await refused(set({ VisibilityTimeout: '43201' }), { name: 'InvalidAttributeValue' });
  await refused(queue.attributes('Nonsense'), {
    name: 'InvalidAttributeName',
    message: 'Unknown Attribute Nonsense.',
  });
});

test('tags', async () => {
  const queue = await Queue.create('tags');
  const tags = async () => (await call(new ListQueueTagsCommand({ QueueUrl: queue.url }))).Tags;
  assert.equal(await tags(), undefined);
  await call(new TagQueueCommand({ QueueUrl: queue.url, Tags: { team: 'a', empty: '' } }));
  assert.deepEqual(await tags(), { team: 'a', empty: '' });
  await call(new UntagQueueCommand({ QueueUrl: queue.url, TagKeys: ['team', 'none'] }));
  assert.deepEqual(await tags(), { empty: '' });
});

test('permissions become a policy', async () => {
  const queue = await Queue.create('permission');
  const QueueUrl = queue.url;
  const permit = { QueueUrl, Label: 'one', AWSAccountIds: ['111122223333'], Actions: ['ReceiveMessage'] };
  await call(new AddPermissionCommand(permit));
  const arn = await queue.arn();
  assert.deepEqual(JSON.parse((await queue.attributes('Policy')).Policy), {
    Version: '2008-10-17',
    Id: `${arn}/SQSDefaultPolicy`,
    Statement: [
      {
        Sid: 'one',
        Effect: 'Allow',
        Principal: { AWS: 'arn:aws:iam::111122223333:root' },
        Action: 'SQS:ReceiveMessage',
        Resource: arn,
      },
    ],
  });
  await call(new RemovePermissionCommand({ QueueUrl, Label: 'one' }));
  assert.deepEqual(await queue.attributes('Policy'), {});
});

test('unknown queue', async () => {
  const queue = await Queue.create('gone');
  await call(new DeleteQueueCommand({ QueueUrl: queue.url }));
  const wanted = { name: 'QueueDoesNotExist', code: notFound, message: 'The specified queue does not exist.' };
  await refused(call(new GetQueueUrlCommand({ QueueName: queue.name })), wanted);
  await refused(queue.send('m'), wanted);
  await refused(queue.receive(), wanted);
  await refused(call(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries: [] })), wanted);
});
