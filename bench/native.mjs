// Parts without HTTP, on both processors: the ledger at ten million rows, and the sealed log. The programs stand beside the unit tests of their
// areas (tests/unit/cost/bench_ledger.c, tests/unit/audit/bench_seal.c); here they are run, and their lines become rows.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import * as servers from './servers.mjs';

const run = promisify(execFile);
const built = (name) => path.resolve(servers.here, '../build-bench-native/tests/unit', name);
const ledgerRows = Number(process.env.BENCH_LEDGER_ROWS ?? 10_000_000), sealRows = Number(process.env.BENCH_SEAL_ROWS ?? 200_000);

async function said(name, args, env = {}) {
  const { stdout } = await run('taskset', ['-c', '0,1', built(name), ...args], { env: { ...process.env, ...env }, maxBuffer: 1 << 24 });
  return stdout;
}
const found = (text, pattern) => {
  const m = pattern.exec(text);
  if (!m) throw new Error(`${pattern} is not in:\n${text}`);
  return m.slice(1).map(Number);
};

async function ledger({ row, number }) {
  const text = await said('cost/bench_ledger', [String(ledgerRows)]);
  const rows = ledgerRows.toLocaleString('en');
  for (const [what, line, bar] of [['summary of the month', 'summary of the month', 20], ['page, newest', 'page, newest', 5],
    ['page, a filter that fits nothing', 'page, filter that fits nothing', 5]]) {
    const [first, p50, p99] = found(text, new RegExp(`^${line} +first +([\\d.]+) ms, p50 +([\\d.]+) \\([\\d.]+\\) ms, p99 +([\\d.]+)`, 'm'));
    row(`ledger of ${rows} rows: ${what}`, `p50 ${number(p50)} ms, p99 ${number(p99)} ms`, `the first ever ${number(first)} ms`, '', `≤ ${bar} ms`, p99 <= bar);
  }
  for (const count of [1, 64]) {
    const [us, rate] = found(text, new RegExp(`^reserve \\+ settle, +${count} at a time: +([\\d.]+) us a call, +([\\d.]+) calls`, 'm'));
    row(`reservation and settlement of a call, ${count} at a time`, `${number(us)} µs, ${number(rate)}/s`, '', '', '', null);
  }
}

async function seal({ row, number, work }) {
  const postgres = await servers.postgresStart(path.join(work, 'postgres-seal'));
  const text = await said('audit/bench_seal', [String(sealRows)], { TEST_PG_URL: postgres.url });
  await servers.stop(postgres);
  const [sqlite, pgsql] = text.split(/^pgsql: /m);
  for (const [engine, lines] of [['SQLite', sqlite], ['PostgreSQL', pgsql]]) {
    const [plain, sealed] = found(lines, /64 threads: ([\d.]+)\/s unsealed, ([\d.]+)\/s with the seal/);
    const [plainUs, sealedUs] = found(lines, /CPU a write: ([\d.]+) us unsealed, ([\d.]+) us with/);
    const [batches] = found(lines, /sealed in batches: ([\d.]+) rows\/s/);
    const verified = [...lines.matchAll(/: ([\d.]+)\/s on one thread, ([\d.]+)\/s on all/g)].map((m) => Number(m[2])).toSorted((a, b) => a - b);
    const rate = verified[verified.length >> 1];
    row(`${engine}: a write with its audit row, sealed, 64 at a time`, `${number(sealed)}/s, ${number(sealedUs)} µs of processor`,
      `unsealed ${number(plain)}/s, ${number(plainUs)} µs`, `${(sealed / plain).toFixed(2)} ×`, '', null);
    row(`${engine}: sealed in batches`, `${number(batches)} rows/s`, '', '', '', null);
    row(`${engine}: log verified`, `${number(rate)} events/s`, '', '', '≥ 500,000/s', rate >= 500_000);
  }
}

/** `kit` is measure.mjs's. */
export async function native(kit) {
  if (kit.wanted.includes('ledger')) await ledger(kit);
  if (kit.wanted.includes('seal')) await seal(kit);
}
