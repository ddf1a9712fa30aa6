/**
 * The database and the block files of the first version, 0.1.0, as it left them: a service that had blocked alice for
 * bounces and 203.0.113.9 by hand, detected an outage of big.example, and could not send its notices. Everything in them
 * is read again, and no block file changes.
 */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isFollowPosition } from '../../src/follow/position.ts';
import { openStore } from '../support/database.ts';
import { eventually, type Scratch, scratch } from './scratch.ts';

const LEFT = join(import.meta.dirname, 'first-version');
const BLOCK_FILES = ['sasl_access', 'client_access'];
const LOG = '/tmp/fv/mail.log';

let at: Scratch;
beforeEach(() => {
  at = scratch();
  const database = gunzipSync(readFileSync(join(LEFT, 'postern.db.gz')));
  writeFileSync(at.path('postern.db'), database);
  for (const name of BLOCK_FILES) copyFileSync(join(LEFT, name), at.path(`maps/${name}`));
});
afterEach(() => at.remove());

describe('the saved state', () => {
  it('has the names that it had', () => {
    const { store, db } = openStore(at.path('postern.db'));
    expect(db.prepare('SELECT name FROM state ORDER BY name').pluck().all()).toEqual([
      'correlator sessions 8',
      'daemon',
      `envelope ${LOG}`,
      'health',
      'held 1',
      'newest block tried',
      'queued mail to hold',
      'suspects',
    ]);
    store.close();
  });

  it('is read by these names', () => {
    at.withStore(({ state }) => {
      expect(state.read('daemon')).toBe(null);
      expect(state.read('enforcer')).toBeUndefined();
      expect(state.read('held 1')).toBe(2);
      expect(state.read('newest block tried')).toBe(2);
      expect(state.read('queued mail to hold')).toEqual([]);
      expect(state.read('health')).toEqual({ logs: [{ path: LOG }], losses: 0 });
      expect(state.read('suspects')).toMatchObject([
        { provider: 'big.example', refused: 8, active: 8, usual: 1, released: [] },
      ]);
      expect(state.read(`envelope ${LOG}`)).toBeDefined();
      expect(state.read('correlator sessions 8')).toHaveLength(1);
      expect(state.target('postfix.user')).toMatchObject({ pending: false });
    });
  });
});

it('opens undamaged, with everything in it', () => {
  at.withStore((store) => {
    expect(store.damage({ thorough: true })).toBeUndefined();
    expect([...store.events.query({})]).toHaveLength(1279);
    expect(store.verdicts.between(0, Number.MAX_SAFE_INTEGER)).toMatchObject([
      { verdict: { key: { type: 'user', id: 'alice@example.net' } }, outcome: 'blocked' },
    ]);
    expect(store.blocks.allRunning()).toMatchObject([
      { id: 1, key: { type: 'user', id: 'alice@example.net' }, cause: 'invalid-recipients' },
      { id: 2, key: { type: 'client', id: '203.0.113.9' }, cause: 'manual' },
    ]);
    expect(store.state.messageCount()).toBe(2);
    expect(
      [...store.state.positions()].map(([path, one]) => [path, isFollowPosition(one)]),
    ).toEqual([[LOG, true]]);
    expect(store.outbox.unsent()).toHaveLength(2);
  });
});

it('serves a new service: an open message is known, notices are sent, block files stay', async () => {
  const stamp = '2026-11-29T17:40:00.000Z mx1 postfix';
  const service = at.start();
  at.write(
    `${stamp}/smtp[822]: A0DDABCDE: to=<r41181@example.org>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.org[198.51.100.9] said: 550 5.1.1 User unknown (in reply to RCPT TO command))`,
    `${stamp}/qmgr[700]: A0DDABCDE: removed`,
  );
  const isRead = () => at.withStore((store) => store.state.messageCount() === 1);
  expect(await eventually(() => at.mails().length === 2 && isRead())).toBe(true);
  await service.stop();
  at.withStore((store) => {
    const [last] = [...store.events.query({ kinds: ['bounced'], limit: 1 })];
    expect(last?.event).toMatchObject({
      submitter: { type: 'user', id: 'alice@example.net' },
      recipient: 'r41181@example.org',
    });
    expect(store.blocks.allRunning().map(({ id }) => id)).toEqual([1, 2]);
  });
  for (const name of BLOCK_FILES) {
    expect(readFileSync(at.path(`maps/${name}`))).toEqual(readFileSync(join(LEFT, name)));
  }
});
