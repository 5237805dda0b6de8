// A reporter for Node's test runner: each finished test is a line of JSON, children before their parent, which
// run_test.go reads. What the tests print goes to standard error.
import { inspect } from 'node:util';

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') process.stderr.write(data.message);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { error, duration_ms } = data.details;
    yield JSON.stringify({
      name: data.name,
      nesting: data.nesting,
      seconds: duration_ms / 1000,
      skipped: Boolean(data.skip ?? data.todo),
      failed: type === 'test:fail',
      // A parent fails by its children, which say why.
      message: error && error.failureType !== 'subtestsFailed' ? inspect(error.cause ?? error) : '',
    }) + '\n';
  }
}
