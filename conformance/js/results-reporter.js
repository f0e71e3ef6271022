// A reporter of node:test that writes one line per test: passed|failed|skipped <tab> file/name.
import { basename } from 'node:path';

export default async function* results(events) {
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details?.type === 'suite' || data.name.endsWith('.js')) {
      continue;
    }
    let outcome = type === 'test:pass' ? 'passed' : 'failed';
    if (data.skip !== undefined) {
      outcome = 'skipped';
    }
    yield `${outcome}\t${basename(data.file ?? '', '.test.js')}/${data.name}\n`;
  }
}
