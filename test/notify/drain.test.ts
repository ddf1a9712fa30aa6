/** What a failed attempt means: whether the next hop may have the mail, and which mails are still tried. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { MINUTE, SECOND } from '../../src/base/time.ts';
import { addressMails } from '../../src/notify/compose.ts';
import { Drain } from '../../src/notify/drain.ts';
import { mailNotifier, type Notifier } from '../../src/notify/mail.ts';
import { Store } from '../../src/store/store.ts';
import { type Answers, type NextHop, startNextHop } from '../support/next-hop.ts';

const FROM = 'postern@mx1.example.net';
const NOW = Date.parse('2026-11-10T09:05:07Z');
const NOTICE = { subject: 's', text: 't\n', html: '<p>t</p>' };

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

function outboxWith(...to: string[]): Store {
  const store = new Store(':memory:');
  open.push(store);
  store.outbox.compose(addressMails(NOTICE, { from: FROM, to, created: NOW }), []);
  return store;
}

async function nextHop(answers?: Answers): Promise<NextHop> {
  const hop = await startNextHop(answers);
  open.push(hop);
  return hop;
}

function smtp(port: number, host = '127.0.0.1'): Notifier {
  return mailNotifier({ kind: 'smtp', host, port, secure: false }, FROM);
}

function drainOf(store: Store, notifier: Notifier, more: { signal?: AbortSignal } = {}) {
  const time = { now: NOW };
  const clock = { now: () => time.now };
  const options = { queue: store.outbox, notifier, clock, log: silentLog, isLogRead: () => true };
  return { time, drain: new Drain({ ...options, ...more }) };
}

describe('a mail that was not accepted', () => {
  it.each<[string, Answers, boolean]>([
    ['reset after its end', (asked) => (asked === '.' ? 'reset' : undefined), true],
    ['closed after its end', (asked) => (asked === '.' ? 'close' : undefined), true],
    [
      'an answer after its end that is not a reply',
      (asked) => (asked === '.' ? 'x\r\ny' : undefined),
      true,
    ],
    ['refused after its end', (asked) => (asked === '.' ? '451 no room' : undefined), false],
    [
      'broken off with a reply',
      (asked) => (asked === '.' ? '421 shutting down' : undefined),
      false,
    ],
    ['refused before', (asked) => (asked.startsWith('MAIL') ? '451 no' : undefined), false],
    ['refused at once', (asked) => (asked === 'connect' ? '554 no' : undefined), false],
  ])('may be with the next hop, or not: %s', async (_what, answers, isUnclear) => {
    const store = outboxWith('abuse@example.net');
    const hop = await nextHop(answers);
    const { drain } = drainOf(store, smtp(hop.port));
    await drain.run();
    const [mail] = store.outbox.unsent();
    expect(mail).toMatchObject({ unclear: isUnclear });
    expect(store.outbox.taken(mail?.messageId ?? '', NOW)).toBe(isUnclear);
  });

  it.each(['127.0.0.1', 'localhost'])(
    'is not with the next hop when nothing listens at %s',
    async (host) => {
      const store = outboxWith('abuse@example.net');
      const hop = await startNextHop();
      await hop.close();
      await drainOf(store, smtp(hop.port, host)).drain.run();
      expect(store.outbox.unsent()).toMatchObject([{ unclear: false }]);
    },
  );
});

describe('of two recipients', () => {
  it('the one that is deferred gets the mail later, the other gets it once and now', async () => {
    const store = outboxWith('b@example.net', 'a@example.net');
    let isGrey = true;
    const hop = await nextHop((asked) =>
      isGrey && asked.startsWith('RCPT TO:<b@') ? '450 4.2.0 greylisted' : undefined,
    );
    const { drain, time } = drainOf(store, smtp(hop.port));
    await drain.run();
    expect(hop.messages).toBe(1);
    expect(store.outbox.unsent()).toMatchObject([
      { recipient: 'b@example.net', unclear: false, lastError: expect.stringContaining('450') },
    ]);
    isGrey = false;
    time.now += MINUTE;
    await drain.run();
    expect(hop.messages).toBe(2);
    expect(store.outbox.unsent()).toEqual([]);
  });

  it('the one that is deferred for long is tried with one mail, and never delays the other', async () => {
    const store = outboxWith(...Array.from({ length: 30 }, () => 'b@example.net'));
    const hop = await nextHop((asked) =>
      asked.startsWith('RCPT TO:<b@') ? '452 4.2.2 full' : undefined,
    );
    const { drain, time } = drainOf(store, smtp(hop.port));
    const tried = () => hop.heard.filter((asked) => asked.startsWith('RCPT TO:<b@')).length;
    await drain.run();
    expect(tried()).toBe(1);
    for (let mails = 1; mails < 4; mails++) {
      const to = ['a@example.net'];
      store.outbox.compose(addressMails(NOTICE, { from: FROM, to, created: time.now }), []);
      await drain.run();
      expect(hop.messages).toBe(mails);
      time.now += 5 * SECOND;
    }
    expect(tried()).toBe(1);
  });

  it.each([
    ['a wrong password', 'AUTH', '535 5.7.8 wrong password'],
    ['a next hop that takes nothing now', 'MAIL', '451 4.3.0 not now'],
  ])('neither is at fault for %s: it is tried with one mail', async (_what, command, answer) => {
    const store = outboxWith('a@example.net', 'b@example.net');
    const hop = await nextHop((asked) => {
      if (asked.startsWith('EHLO')) return '250-mx.example.net\r\n250 AUTH PLAIN';
      return asked.startsWith(command) ? answer : undefined;
    });
    const route = { kind: 'smtp', host: '127.0.0.1', port: hop.port, secure: false } as const;
    const notifier = mailNotifier(
      { ...route, user: 'postern', passwordFile: import.meta.filename },
      FROM,
    );
    await drainOf(store, notifier).drain.run();
    expect(hop.heard.filter((asked) => asked === 'connect')).toHaveLength(1);
    expect(store.outbox.due(NOW)).toEqual([]);
  });
});

describe('when the service ends', () => {
  const hangs = (store: Store) => {
    const ending = new AbortController();
    let isBegun = () => {};
    const begun = new Promise<void>((resolve) => {
      isBegun = resolve;
    });
    let attempts = 0;
    const notifier: Notifier = {
      send(_mail, signal) {
        attempts++;
        isBegun();
        return new Promise((_done, fail) => {
          signal?.addEventListener('abort', () => fail(new Error('given up')));
        });
      },
    };
    const { drain } = drainOf(store, notifier, { signal: ending.signal });
    return { ending, begun, drain, attempts: () => attempts };
  };

  it('the current mail is given up after a moment, and stays as after a kill', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const store = outboxWith('a@example.net', 'b@example.net');
      const { ending, begun, drain, attempts } = hangs(store);
      let isDone = false;
      const done = drain.run().then(() => {
        isDone = true;
      });
      await begun;
      const [mail] = store.outbox.unsent();
      ending.abort();
      await vi.advanceTimersByTimeAsync(SECOND);
      expect(isDone).toBe(false);
      await vi.advanceTimersByTimeAsync(2 * SECOND);
      await done;
      expect(attempts()).toBe(1);
      expect(store.outbox.unsent()[0]).toEqual(mail);
      expect(mail).toMatchObject({ unclear: true, attempts: 1 });
    } finally {
      vi.useRealTimers();
    }
  });

  it('no other mail is started', async () => {
    const store = outboxWith('a@example.net');
    const { ending, drain, attempts } = hangs(store);
    ending.abort();
    await drain.run();
    expect(attempts()).toBe(0);
    expect(store.outbox.unsent()).toMatchObject([{ attempts: 0, unclear: false }]);
  });
});
