/** What is decided without asking anybody: skip rules, the cache, attacks, and the words of refusals. */
import { describe, expect, it } from 'vitest';
import { DAY, MINUTE, SECOND } from '../../src/base/time.ts';
import { chooseAnswer, refuseAttack } from '../../src/recipients/answer.ts';
import { AttackCounter, openTally } from '../../src/recipients/attack.ts';
import { AnswerCache, type AnswerStore } from '../../src/recipients/cache.ts';
import type { RecipientContext, Verdict } from '../../src/recipients/verdict.ts';
import { openRecipientStore } from '../../src/store/recipients.ts';
import { scratchFolder } from '../support/folder.ts';
import {
  HandClock,
  makeVerifier,
  NOON,
  recipientOptions,
  recordLog,
  STRANGER,
} from '../support/recipients.ts';

describe('a recipient is skipped', () => {
  const { verifier } = makeVerifier({
    domains: [{ domain: '*', role: 'catch-all', subdomains: false }],
    skip: {
      clients: ['127.0.0.1', '::1', '192.0.2.32/28', '2001:db8::/32'],
      daemons: ['MSA', 'submission'],
      domains: ['Open.example'],
      addresses: ['Postmaster@example.net'],
    },
  });
  const cases: [string, Partial<RecipientContext>, string][] = [
    ['a@example.net', { client: '127.0.0.1' }, 'client'],
    ['a@example.net', { client: '192.0.2.47' }, 'client'],
    ['a@example.net', { client: '192.0.2.48' }, 'catch-all'],
    ['a@example.net', { client: '2001:db8:1::7' }, 'client'],
    ['a@example.net', { daemon: 'msa' }, 'daemon'],
    ['a@example.net', { daemon: 'MTA' }, 'catch-all'],
    ['a@example.net', { authenticated: true }, 'authenticated'],
    ['a@example.net', { local: true }, 'local'],
    ['<a@OPEN.example>', {}, 'domain'],
    ['<postmaster@EXAMPLE.net>', {}, 'address'],
  ];
  it.each(cases)('%s %j: %s', async (address, context, why) => {
    const verdict = await verifier.verify(address, { ...STRANGER, ...context });
    expect(verdict).toEqual({ kind: 'skipped', why });
  });
});

describe('a list', () => {
  const folder = scratchFolder();
  it('decides, and is read again; one that was never read decides nothing', async () => {
    const file = folder.write('people', 'alice@example.net\n');
    const source = { kind: 'list' as const, file };
    const { verifier, clock } = makeVerifier({
      domains: [
        { domain: 'example.net', role: 'primary', subdomains: false, source },
        {
          domain: 'b.example',
          role: 'primary',
          subdomains: false,
          source: { kind: 'list', file: '/nowhere/x' },
        },
      ],
    });
    const kind = async (address: string) => (await verifier.verify(address, STRANGER)).kind;
    expect(await kind('alice@example.net')).toBe('valid');
    expect(await kind('bob@example.net')).toBe('invalid');
    folder.write('people', 'bob@example.net\nalice@example.net\n');
    clock.time += SECOND;
    expect(await kind('bob@example.net')).toBe('valid');
    expect(await verifier.verify('a@b.example', STRANGER)).toMatchObject({
      kind: 'unknown',
      step: 'lookup',
    });
    folder.remove();
    clock.time += SECOND;
    expect(await kind('bob@example.net')).toBe('valid');
  });
});

describe('an answer', () => {
  const verdicts: Record<string, Verdict> = {
    valid: { kind: 'valid', from: 'cache' },
    invalid: { kind: 'invalid', from: 'callout' },
    unknown: {
      kind: 'unknown',
      step: 'connect',
      reason: '192.0.2.1:25: ECONNREFUSED',
      isBackup: false,
    },
    backup: { kind: 'unknown', step: 'connect', reason: 'x', isBackup: true },
    skipped: { kind: 'skipped', why: 'client' },
    'not ours': { kind: 'not-ours' },
  };
  const answer = (name: string, changes: Parameters<typeof recipientOptions>[0]) =>
    chooseAnswer(verdicts[name]!, recipientOptions(changes));

  it('refuses invalid recipients only in enforce mode', () => {
    expect(answer('invalid', {})).toEqual({ code: 550, status: '5.1.1', text: 'User unknown' });
    expect(answer('invalid', { mode: 'observe' })).toBeUndefined();
  });

  it('says nothing of what the back end said', () => {
    const refusal = answer('unknown', { whenUnknown: 'tempfail' });
    expect(refusal).toEqual({ code: 450, status: '4.4.3', text: 'Try again later' });
    expect(answer('unknown', { whenUnknown: 'tempfail', mode: 'observe' })).toBeUndefined();
  });

  it.each(['valid', 'skipped', 'not ours', 'backup'])('accepts: %s', (name) => {
    expect(answer(name, { whenUnknown: 'tempfail' })).toBeUndefined();
  });

  it('to an attack is 421 or 550', () => {
    expect(refuseAttack(recipientOptions())).toMatchObject({ code: 421, status: '4.7.0' });
    expect(refuseAttack(recipientOptions({ attack: { reply: 550 } }))).toMatchObject({ code: 550 });
  });
});

describe('an attack', () => {
  function start(options: Partial<ReturnType<typeof recipientOptions>['attack']> = {}) {
    const clock = new HandClock();
    const counter = new AttackCounter(
      { ...recipientOptions().attack, perConnection: 3, perClient: 5, ...options },
      clock,
    );
    return { clock, counter };
  }

  it('is too many invalid recipients in one connection', () => {
    const { counter } = start();
    const connection = openTally('192.0.2.7');
    for (const expected of [false, false, true]) {
      counter.count(connection, false);
      expect(counter.isAttack(connection)).toBe(expected);
    }
    expect(counter.isAttack(openTally('192.0.2.7'))).toBe(false);
  });

  it('is too many of one client over connections, until they are out of the window', () => {
    const { counter, clock } = start({ perConnection: 0 });
    for (let count = 0; count < 5; count++) counter.count(openTally('2001:db8::1'), false);
    expect(counter.isAttack(openTally('2001:db8::2'))).toBe(true);
    expect(counter.isAttack(openTally('2001:db8:0:1::2'))).toBe(false);
    clock.time += 3_600_000 + 1;
    expect(counter.isAttack(openTally('2001:db8::1'))).toBe(false);
  });

  it('is not a provider whose valid recipients are more', () => {
    const { counter } = start({ perConnection: 0 });
    for (let count = 0; count < 100; count++) counter.count(openTally('192.0.2.7'), count % 5 > 0);
    expect(counter.isAttack(openTally('192.0.2.7'))).toBe(false);
  });

  it('is counted for a bounded number of clients', () => {
    const { counter } = start();
    for (let count = 0; count < 60_000; count++)
      counter.count(openTally(`10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`), false);
    expect(counter.size).toBeLessThanOrEqual(50_000);
  });
});

describe('the cache', () => {
  const { log, logged } = recordLog();
  const none: AnswerStore = { read: () => undefined, write: () => undefined, version: () => 1 };
  const options = { valid: DAY, invalid: 50 * MINUTE, most: 10, mostInMemory: 100 };

  it('keeps when an answer came', () => {
    const clock = new HandClock();
    const cache = new AnswerCache(options, none, { clock, log });
    cache.put('a@b.example', true);
    cache.put('c@b.example', false);
    expect(cache.find('a@b.example')).toEqual({ isValid: true, time: NOON, freshness: 'fresh' });
    clock.time += 45 * MINUTE;
    expect(cache.find('c@b.example')).toEqual({ isValid: false, time: NOON, freshness: 'refresh' });
    clock.time += 5 * MINUTE;
    expect(cache.find('c@b.example')?.freshness).toBe('expired');
    expect(cache.find('a@b.example')?.freshness).toBe('fresh');
    expect(cache.find('nobody@b.example')).toBeUndefined();
  });

  it('is bounded in memory, and keeps what is used', () => {
    const cache = new AnswerCache(options, none, { clock: new HandClock(), log });
    cache.put('used@b.example', true);
    for (let count = 0; count < 1000; count++) {
      cache.put(`${count}@b.example`, true);
      expect(cache.find('used@b.example')).toBeDefined();
    }
    expect(cache.size).toBeLessThanOrEqual(100);
    expect(cache.find('1@b.example')).toBeUndefined();
  });

  it('finds what another process has changed in the database', () => {
    const folder = scratchFolder();
    const path = folder.at('recipients.db');
    const { store } = openRecipientStore(path, 100);
    const clock = new HandClock();
    const cache = new AnswerCache(options, store, { clock, log });
    cache.put('a@b.example', true);
    cache.flush();
    clock.time += SECOND;
    expect(cache.find('a@b.example')?.isValid).toBe(true);
    const other = openRecipientStore(path, 100).store;
    expect(other.forget(['a@b.example', 'x@b.example'])).toBe(1);
    other.write([{ address: 'c@b.example', isValid: false, time: NOON }]);
    other.close();
    clock.time += SECOND;
    expect(cache.find('a@b.example')).toBeUndefined();
    expect(cache.find('c@b.example')?.isValid).toBe(false);
    store.close();
    folder.remove();
  });

  it('says once a minute that nothing can be written, and goes on in memory', () => {
    const clock = new HandClock();
    const broken = { ...none, write: () => 'database or disk is full' };
    const cache = new AnswerCache(options, broken, { clock, log });
    for (let count = 0; count < 3; count++) {
      cache.put('a@b.example', true);
      cache.flush();
    }
    expect(logged).toEqual([
      {
        message: 'answers cannot be kept for the next start',
        data: { failure: 'database or disk is full' },
      },
    ]);
    expect(cache.find('a@b.example')?.isValid).toBe(true);
  });
});
