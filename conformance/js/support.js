// What every test file needs: a client, queues that are deleted afterwards, and a check for errors.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

export const endpoint = process.env.SQS_ENDPOINT ?? 'http://127.0.0.1:9324';
// What ends a long poll has to end it within this time, in ms: far below the waits asked for, and far above what a slow machine
// needs.
export const prompt = 10_000;
export const notFound = 'AWS.SimpleQueueService.NonExistentQueue';

export const settings = {
  region: process.env.AWS_REGION ?? 'us-east-1',
  credentials: {
    accessKeyId: process.env.AWS_ACCESS_KEY_ID ?? 'test',
    secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY ?? 'test',
  },
  maxAttempts: 1, // a retry would hide a fault
};

// The client checks the digests of bodies, as the SDK does by default.
export const client = new SQSClient({ ...settings, endpoint });

export const call = (command) => client.send(command);

// Without an endpoint of its own, the SDK connects to the host of the queue URL.
export const clientWithoutEndpoint = () => new SQSClient(settings);

export const uniqueName = (purpose) => `js-${purpose}-${randomBytes(6).toString('hex')}`;

const created = [];
after(async () => {
  for (const QueueUrl of created) {
    await call(new DeleteQueueCommand({ QueueUrl })).catch((error) => assert.equal(error.name, 'QueueDoesNotExist'));
  }
  client.destroy();
});

// A queue by its URL, with the calls that tests make over and over.
export class Queue {
  static async create(purpose, attributes = {}) {
    const name = uniqueName(purpose) + (attributes.FifoQueue ? '.fifo' : '');
    const { QueueUrl } = await call(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    created.push(QueueUrl);
    return new Queue(name, QueueUrl);
  }

  constructor(name, url) {
    this.name = name;
    this.url = url;
  }

  async attributes(...names) {
    const command = new GetQueueAttributesCommand({ QueueUrl: this.url, AttributeNames: names.length ? names : ['All'] });
    return (await call(command)).Attributes ?? {};
  }

  async arn() {
    return (await this.attributes('QueueArn')).QueueArn;
  }

  send(body, parameters = {}) {
    return call(new SendMessageCommand({ QueueUrl: this.url, MessageBody: body, ...parameters }));
  }

  async receive(parameters = {}) {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.url,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
      ...parameters,
    });
    return (await call(command)).Messages ?? [];
  }

  async receiveOne(parameters = {}) {
    const messages = await this.receive({ MaxNumberOfMessages: 1, WaitTimeSeconds: 20, ...parameters });
    assert.equal(messages.length, 1, `messages in ${this.name}`);
    return messages[0];
  }

  delete(message) {
    return call(new DeleteMessageCommand({ QueueUrl: this.url, ReceiptHandle: message.ReceiptHandle }));
  }

  changeVisibility(message, VisibilityTimeout) {
    const parameters = { QueueUrl: this.url, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout };
    return call(new ChangeMessageVisibilityCommand(parameters));
  }
}

export const bodies = (messages) => messages.map((message) => message.Body);

// Checks that a call fails with this class, code, HTTP status and, unless undefined, message. The SDK names errors that
// SQS does not model by their code.
export async function refused(promise, { name, code = name, status = 400, message }) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.name, name);
    assert.equal(error.Code ?? error.name, code);
    assert.equal(error.$metadata.httpStatusCode, status);
    if (message !== undefined) {
      assert.equal(error.message, message);
    }
    return true;
  });
}

// Starts a long poll of 20 s, calls event once it waits, and returns what it got, which must come promptly.
export async function wake(queue, event) {
  let answered = false;
  const waiting = queue.receive({ WaitTimeSeconds: 20 }).finally(() => {
    answered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 300)); // the receive has reached the server
  assert.ok(!answered, 'the receive did not wait');
  const started = performance.now();
  await event();
  const messages = await waiting;
  const waited = performance.now() - started;
  assert.ok(waited < prompt, `woke after ${waited} ms`);
  return messages;
}
