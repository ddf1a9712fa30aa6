/**
 * Memory stays bounded whatever the log makes up: floods of queue IDs, senders, addresses, sessions, recipients,
 * Message-IDs, users, hosts and long fields through the service's pipeline into a database, in a process of its own.
 * Short form: some ten thousand lines each. `POSTERN_TORTURE=long`: ten million.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SOURCES = resolve('src');
const PROGRAM = join(import.meta.dirname, 'flood.mjs');
const LONG = process.env.POSTERN_TORTURE === 'long';

/** Those with which bin/postern starts the service. */
const FLAGS = [
  '--max-semi-space-size=4',
  '--heap-growing-percent=50',
  '--no-allocation-site-pretenuring',
];
/** MB that the whole process may take, and what may live in it when the garbage is gone. */
const MOST_RESIDENT = 220;
const MOST_LIVING = 95;

interface Weight {
  readonly highestRss: number;
  readonly heap: number;
  readonly external: number;
  readonly events: number;
}

function flood(kind: string, lines: number): Weight {
  const folder = mkdtempSync(join(tmpdir(), 'postern-flood-'));
  try {
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [...FLAGS, '--expose-gc', PROGRAM, SOURCES, kind, String(lines), folder],
      { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
    );
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Weight;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Short ones cover every kind of state; those with all kinds of them are long enough to fill all bounds at once. */
const SHORT: readonly (readonly [kind: string, lines: number])[] = [
  ['mixed', 40_000],
  ['rejected-users', 30_000],
  ['hosts', 20_000],
  ['unclaimed', 20_000],
  ['message-ids', 30_000],
  ['exim-rejections', 20_000],
  ['long-fields', 400],
  ['long-replies', 400],
  ['long-ids', 1000],
  ['half-lines', 1000],
  ['exim-parts', 1000],
];
const EVERY: readonly (readonly [kind: string, lines: number])[] = [
  ...['mixed', 'queue-ids', 'transactions', 'deliveries', 'recipients', 'sessions', 'unclaimed'],
  ...['clients', 'rejected-users', 'message-ids', 'hosts', 'exim-rejections', 'exim-arrivals'],
].map((kind) => [kind, 10_000_000] as const);

describe('a flood of made-up', () => {
  it.each(LONG ? EVERY : SHORT)(
    '%s, %d lines, leaves the process below 220 MB',
    (kind, lines) => {
      const { highestRss, heap, external, ...rest } = flood(kind, lines);
      expect(heap + external, JSON.stringify({ highestRss, ...rest })).toBeLessThan(MOST_LIVING);
      expect(highestRss).toBeLessThan(MOST_RESIDENT);
    },
    LONG ? 4 * 3_600_000 : 120_000,
  );
});
