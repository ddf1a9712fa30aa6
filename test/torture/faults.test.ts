/**
 * Faults of the mail server: postmap or reload fails or hangs, a folder disappears, the next hop is down for a day or
 * breaks the connection. Status shows each fault, retries back off, nothing is lost and no notice is sent twice.
 */
import { chmodSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../src/base/time.ts';
import { Enforcer } from '../../src/daemon/enforcer.ts';
import { Notices } from '../../src/daemon/notices.ts';
import { buildPostfixTargets } from '../../src/enforce/postfix.ts';
import { reconcile } from '../../src/enforce/reconcile.ts';
import type { Mail } from '../../src/notify/mail.ts';
import { until } from '../support/folder.ts';
import { Bench, bounceLines } from './bench.ts';
import { type Installation, install } from './process.ts';

const open: { installation?: Installation; bench?: Bench }[] = [];

afterEach(async () => {
  for (const { installation, bench } of open.splice(0)) {
    await installation?.remove();
    bench?.remove();
  }
});

function bench(): Bench {
  const made = new Bench();
  open.push({ bench: made });
  return made;
}

const stamp = (ago = 0) => new Date(Date.now() - ago).toISOString();

function bounces(user: string, count: number): string {
  const lines = Array.from({ length: count }, () => bounceLines(user, stamp())).flat();
  return lines.map((line) => `${line}\n`).join('');
}

describe('the commands of the mail server', () => {
  /** A command that counts its calls and does what `fails` says. */
  function command(at: Bench, name: string, fails: string): string {
    const file = at.folder.write(
      name,
      `#!/bin/sh\necho x >> ${at.folder.at(`${name}.calls`)}\n${fails}\n`,
    );
    chmodSync(file, 0o755);
    return file;
  }
  const calls = (at: Bench, name: string) => at.folder.read(`${name}.calls`).length / 2;

  function enforcer(at: Bench, options: { postmap?: string; reload?: string }): Enforcer {
    mkdirSync(at.folder.at('maps'), { recursive: true });
    const type = options.postmap === undefined ? 'texthash' : 'hash';
    const targets = buildPostfixTargets({
      user: { file: at.folder.at('maps/sasl_access'), type },
      postmap: [options.postmap ?? 'true'],
      reload: options.reload === undefined ? [] : [options.reload],
      timeout: 300,
    });
    const clock = { now: () => at.now };
    const hands = {
      targets,
      configured: targets.map(({ name }) => name),
      reconcile: (request: Parameters<typeof reconcile>[1]) =>
        reconcile(targets, { ...request, timeout: 300 }),
    };
    return new Enforcer({ store: at.store, ...hands, clock, log: silentLog });
  }

  const state = (at: Bench) => at.store.state.target('postfix.user');

  async function block(at: Bench): Promise<void> {
    for (let count = 0; count < 5; count++) {
      await at.feed(...bounceLines('alice@example.net', new Date(at.now).toISOString()));
    }
    expect(at.store.blocks.allRunning()).toHaveLength(1);
  }

  it.each([
    ['postmap', 'echo "fatal: no room" >&2; exit 75', /fatal: no room/],
    ['postmap', 'sleep 600', /no answer within 0.3 s, killed/],
    ['reload', 'echo "fatal: not running" >&2; exit 1', /fatal: not running/],
    ['reload', 'sleep 600', /no answer within 0.3 s, killed/],
  ])(
    '%s that does "%s" is remembered, tried again ever more rarely, and mended by itself',
    async (name, fails, said) => {
      const at = bench();
      await block(at);
      const path = command(at, name, fails);
      const one = enforcer(at, { [name]: path });
      const begun = at.now;
      const pauses: number[] = [];
      while (at.now < begun + HOUR) {
        const { again = HOUR } = await one.run();
        expect(state(at)).toMatchObject({
          pending: true,
          failure: expect.stringMatching(said),
          failingSince: begun,
        });
        pauses.push(again);
        at.now += again;
        if (pauses.length > 12) break;
      }
      expect(pauses[0]).toBe(2 * SECOND);
      expect(Math.max(...pauses)).toBeLessThanOrEqual(5 * MINUTE);
      expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
      expect(calls(at, name)).toBe(pauses.length);
      // hash: the index is made by the real thing's name, here by a file
      command(at, name, name === 'postmap' ? 'touch "$(echo "$1" | cut -d: -f2).db"' : 'exit 0');
      await one.run();
      expect(state(at)).toMatchObject({ pending: false });
      expect(state(at)?.failure).toBeUndefined();
      const before = calls(at, name);
      expect((await one.run()).again).toBeUndefined();
      expect(calls(at, name)).toBe(before);
      expect(at.folder.read('maps/sasl_access')).toContain('alice@example.net');
    },
    60_000,
  );
});

describe('the folder of the block files', () => {
  it('vanishes and comes back: status says so, all blocks are written again', async () => {
    const installation = install();
    open.push({ installation });
    const { folder, command, log } = installation;
    const listed = (user: string) => folder.read('maps/sasl_access').includes(user);
    folder.write('mail.log', bounces('alice@example.net', 5));
    installation.start();
    await until('the first block', () => listed('alice@example.net'), {
      timeout: 30_000,
      evidence: log,
    });
    renameSync(folder.at('maps'), folder.at('gone'));
    writeFileSync(folder.at('mail.log'), bounces('bob@example.net', 5), { flag: 'a' });
    const status = await until(
      'status to tell',
      async () => {
        const result = await command('status');
        return result.stdout.includes('the folder does not exist') && result;
      },
      { timeout: 30_000, evidence: log },
    );
    expect(status.status).toBe(1);
    expect(log()).toContain('block file not in force, will try again');
    mkdirSync(folder.at('maps'));
    await until('both blocks', () => listed('alice@example.net') && listed('bob@example.net'), {
      timeout: 30_000,
      evidence: log,
    });
    await until('status to be content', async () => (await command('status')).status === 0, {
      timeout: 30_000,
    });
    expect(await installation.stop()).toBe(0);
    const released = installation.withStore((store) =>
      store.blocks.history(9).filter((b) => b.released !== undefined),
    );
    expect(released).toEqual([]);
  });
});

describe('the next hop of notices', () => {
  class NextHop {
    readonly taken: Mail[] = [];
    attempts = 0;
    /** what it does with the next mail; undefined takes it */
    answer: (mail: Mail) => Error | undefined = () => undefined;

    async send(mail: Mail): Promise<void> {
      this.attempts++;
      const error = this.answer(mail);
      if (error !== undefined) throw error;
      this.taken.push(mail);
    }
  }

  function notices(at: Bench, notifier: NextHop, isLogRead = () => true): Notices {
    return new Notices({
      store: at.store,
      notifier,
      to: ['abuse@example.net'],
      from: 'postern@mx1.example.net',
      digest: 30 * SECOND,
      cap: 10,
      rules: new Map(),
      clock: { now: () => at.now },
      log: silentLog,
      isLogRead,
    });
  }

  /** Runs as the service does, for `time` ms. */
  async function go(
    at: Bench,
    one: Notices,
    time: number,
    each?: () => Promise<void>,
  ): Promise<number> {
    const end = at.now + time;
    let rounds = 0;
    while (at.now < end) {
      await each?.();
      const wait = (await one.run()) ?? 10 * MINUTE;
      expect(wait).toBeGreaterThan(0);
      at.now += Math.min(wait, 10 * MINUTE);
      rounds++;
    }
    return rounds;
  }

  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:25'), {
    code: 'ESOCKET',
    syscall: 'connect',
  });

  it('is down for a day: attempts become rare, status shows it, then each block is told once', async () => {
    const at = bench();
    const hop = new NextHop();
    hop.answer = () => refused;
    const one = notices(at, hop);
    let user = 0;
    const eachHour = at.now;
    await go(at, one, DAY, async () => {
      // A block an hour.
      if (user > (at.now - eachHour) / HOUR) return;
      user++;
      for (let count = 0; count < 5; count++) {
        await at.feed(...bounceLines(`user${user}@example.net`, new Date(at.now).toISOString()));
      }
    });
    expect(at.store.blocks.allRunning()).toHaveLength(user);
    expect(hop.attempts).toBeLessThan(24 * 4);
    const [first] = at.store.outbox.unsent();
    expect(first).toMatchObject({ lastError: refused.message, unclear: false });
    at.now += MINUTE;
    hop.answer = () => undefined;
    await go(at, one, 2 * HOUR);
    const told = hop.taken.flatMap(({ text }) =>
      [...text.matchAll(/^.*postern unblock (\S+)/gm)].map(([, id]) => id),
    );
    expect(told.toSorted()).toEqual(
      at.store.blocks
        .allRunning()
        .map(({ key }) => key.id)
        .toSorted(),
    );
    expect(at.store.outbox.unsent()).toEqual([]);
    expect(new Set(hop.taken.map(({ messageId }) => messageId)).size).toBe(hop.taken.length);
  });

  async function composed(at: Bench, one: Notices, hop: NextHop, count: number): Promise<void> {
    hop.answer = () => refused;
    for (let number = 0; number < count; number++) {
      at.tell();
      await one.run();
      at.now += MINUTE;
    }
    hop.attempts = 0;
    at.now += HOUR;
  }

  it('that is down is tried with one mail, not with all', async () => {
    const at = bench();
    const hop = new NextHop();
    const one = notices(at, hop);
    await composed(at, one, hop, 30);
    await go(at, one, 15 * SECOND);
    expect(hop.attempts).toBe(1);
  });

  it('that refuses one mail for good gets the others', async () => {
    const at = bench();
    const hop = new NextHop();
    const one = notices(at, hop);
    await composed(at, one, hop, 5);
    const [bad] = at.store.outbox.unsent();
    hop.answer = (mail) =>
      mail.messageId === bad?.messageId
        ? Object.assign(new Error('550 no'), { responseCode: 550, code: 'EENVELOPE' })
        : undefined;
    await go(at, one, 2 * HOUR);
    expect(hop.taken).toHaveLength(4);
    expect(at.store.outbox.unsent()).toMatchObject([{ id: bad?.id, lastError: '550 no' }]);
  });

  it('takes a mail while the outbox cannot be written: it is not sent again', async () => {
    const at = bench();
    const hop = new NextHop();
    const one = notices(at, hop);
    at.tell();
    hop.answer = () => {
      at.db.pragma('query_only = on');
      return undefined;
    };
    await expect(one.run()).rejects.toSatisfy((error) => at.store.isPassing(error));
    for (let times = 0; times < 3; times++) {
      at.now += HOUR;
      await expect(one.run()).rejects.toThrow();
    }
    at.db.pragma('query_only = off');
    await one.run();
    expect(hop.attempts).toBe(1);
    expect(at.store.outbox.unsent()).toEqual([]);
  });

  /** A process that was killed after the next hop had the mail, and before it could write that down. */
  async function killedWhileSending(at: Bench, hop: NextHop): Promise<void> {
    at.tell();
    hop.answer = () => {
      at.db.pragma('query_only = on');
      return undefined;
    };
    await expect(notices(at, hop).run()).rejects.toThrow();
    at.db.pragma('query_only = off');
    at.restart();
    expect(at.store.outbox.unsent()).toMatchObject([{ unclear: true }]);
    hop.answer = () => undefined;
  }

  it('has a mail that a killed process sent: the log tells, it is not sent again', async () => {
    const at = bench();
    const hop = new NextHop();
    await killedWhileSending(at, hop);
    let isRead = false;
    const one = notices(at, hop, () => isRead);
    await go(at, one, MINUTE);
    expect(hop.attempts).toBe(1);
    const id = hop.taken[0]?.messageId;
    await at.feed(`${stamp()} mx1 postfix/cleanup[815]: 3FFFFFFF: message-id=${id}`);
    isRead = true;
    await go(at, one, DAY);
    expect(hop.attempts).toBe(1);
    expect(at.store.outbox.unsent()).toEqual([]);
  });

  it('does not log where we read: the mail is sent again with the same Message-ID', async () => {
    const at = bench();
    const hop = new NextHop();
    await killedWhileSending(at, hop);
    await go(at, notices(at, hop), HOUR);
    expect(hop.taken).toHaveLength(2);
    expect(hop.taken[0]?.messageId).toBe(hop.taken[1]?.messageId);
  });

  it('breaks off after it has taken the mail: the log tells', async () => {
    const at = bench();
    const hop = new NextHop();
    const one = notices(at, hop);
    at.tell();
    hop.answer = () =>
      Object.assign(new Error('Connection closed unexpectedly'), { code: 'ECONNECTION' });
    await one.run();
    const [mail] = at.store.outbox.unsent();
    expect(mail).toMatchObject({ unclear: true });
    await at.feed(`${stamp()} mx1 postfix/cleanup[815]: 3FFFFFFF: message-id=${mail?.messageId}`);
    hop.answer = () => undefined;
    await go(at, one, DAY);
    expect(hop.taken).toEqual([]);
    expect(at.store.outbox.unsent()).toEqual([]);
  });

  it('logs the Message-ID and then refuses the mail: it is sent again', async () => {
    const at = bench();
    const hop = new NextHop();
    const one = notices(at, hop);
    at.tell();
    hop.answer = () =>
      Object.assign(new Error('451 queue file write error'), {
        responseCode: 451,
        code: 'EMESSAGE',
      });
    const sending = one.run();
    await sending;
    const [mail] = at.store.outbox.unsent();
    await at.feed(`${stamp()} mx1 postfix/cleanup[815]: 3FFFFFFF: message-id=${mail?.messageId}`);
    hop.answer = () => undefined;
    await go(at, one, HOUR);
    expect(hop.taken).toHaveLength(1);
  });
});
