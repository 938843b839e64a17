// A line of JSON for each test: its name after those of its suites, whether it passed, how long it took; of one that
// failed, the error and what was written since the test before it.
import { inspect } from 'node:util';

export default async function* lines(source) {
  const path = [];
  let written = '';
  for await (const { type, data } of source) {
    if (type === 'test:stdout' || type === 'test:stderr') written += data.message;
    if (type === 'test:start') path.splice(data.nesting, Infinity, data.name);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { error, duration_ms: took, type: kind } = data.details;
    if (kind === 'suite' && error?.failureType !== 'hookFailed') continue;
    yield `${JSON.stringify({ name: [...path.slice(0, data.nesting), data.name].join(': '), ok: type === 'test:pass', seconds: took / 1000, output: error && `${inspect(error.cause ?? error)}\n${written}` })}\n`;
    written = '';
  }
}
