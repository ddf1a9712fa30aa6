/** The order of a session, as the protocol has it: one reply for each command, whatever the mail server does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACCEPT,
  CONTINUE,
  type MilterHandler,
  type MilterMessage,
  reject,
  tempfail,
  type Verdict,
} from '../../src/milter/handler.ts';
import { until } from '../support/folder.ts';
import {
  ABORT,
  BEGIN,
  CONNECT,
  converse,
  DATA,
  END,
  frame,
  HELO,
  MESSAGE,
  macro,
  mail,
  noting,
  offer,
  QUIT,
  RESTART,
  rcpt,
} from './peer.ts';

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('replies', () => {
  it('come one for each command, in order, also in one chunk', () => {
    const { hear } = converse(noting().handler);
    expect(hear(BEGIN + MESSAGE + MESSAGE)).toEqual([...'Occ', ...'cccc', ...'cccc']);
  });

  it('come for header, body and unknown commands, too, and never for macros', () => {
    const { hear } = converse(noting().handler);
    hear(BEGIN + mail() + rcpt() + DATA);
    const content = [
      macro('L'),
      frame('L', 'Subject\0x\0'),
      macro('N'),
      frame('N'),
      macro('B'),
      frame('B', 'x'.repeat(65_535)),
      macro('U'),
      frame('U', 'VRFY x\0'),
      macro('Z', 'a', 'b'),
      frame('D', '*'),
    ];
    expect(hear(content.join(''))).toEqual(['c', 'c', 'c', 'c']);
    expect(hear(END)).toEqual(['c']);
  });

  it('say what the handler says', () => {
    const verdicts: Verdict[] = [reject('5.1.1', 'no'), tempfail('4.7.1', 'later'), CONTINUE];
    const { handler } = noting({ rcpt: () => verdicts.shift() as Verdict });
    const { hear, counters } = converse(handler);
    hear(BEGIN + mail());
    expect(hear(rcpt() + rcpt() + rcpt())).toEqual(['y 550 5.1.1 no|', 'y 451 4.7.1 later|', 'c']);
    expect(counters).toMatchObject({ recipients: 3, rejected: 1, deferred: 1 });
  });

  it('wait in order while a handler works', async () => {
    const waiting: ((verdict: Verdict) => void)[] = [];
    const { handler, events } = noting({
      rcpt: () => new Promise<Verdict>((resolve) => waiting.push(resolve)),
    });
    const talk = converse(handler);
    talk.hear(BEGIN + mail());
    expect(talk.hear(rcpt('<a@b>') + rcpt('<b@b>') + DATA)).toEqual([]);
    expect(events.filter((event) => event === 'rcpt')).toHaveLength(1);
    waiting.shift()?.(reject('5.1.1', 'no'));
    await settle();
    expect(talk.sent()).toEqual(['y 550 5.1.1 no|']);
    waiting.shift()?.(CONTINUE);
    await settle();
    expect(talk.sent()).toEqual(['c', 'c']);
  });

  it('have the changes in front, deletions first', () => {
    const { handler } = noting({
      endOfMessage: ({ recipients }) => ({
        verdict: CONTINUE,
        changes: [
          { kind: 'replace-sender', address: 'n@o.example' },
          { kind: 'add-recipient', address: 'b@in.example', parameters: ['NOTIFY=NEVER'] },
          { kind: 'delete-recipient', argument: recipients[0]?.argument ?? '' },
        ],
      }),
    });
    const { hear, counters } = converse(handler);
    hear(BEGIN + mail() + rcpt('<A@In.Example>') + DATA);
    expect(hear(END)).toEqual([
      '- <A@In.Example>|',
      '2 <b@in.example>|NOTIFY=NEVER|',
      'e <n@o.example>|',
      'c',
    ]);
    expect(counters.changed).toBe(1);
  });

  it('never change a message that is refused', () => {
    const { handler } = noting({
      endOfMessage: () => ({
        verdict: reject('5.7.1', 'no'),
        changes: [{ kind: 'replace-sender', address: 'n@o.example' }],
      }),
    });
    expect(
      converse(handler)
        .hear(BEGIN + MESSAGE)
        .at(-1),
    ).toBe('y 550 5.7.1 no|');
  });

  it('refuse what was not negotiated, and what would lose the message', () => {
    const end: MilterHandler['endOfMessage'] = ({ recipients }) => ({
      verdict: CONTINUE,
      changes: recipients.map(({ argument }) => ({ kind: 'delete-recipient', argument })),
    });
    const talk = converse(noting({ endOfMessage: end }).handler);
    expect(talk.hear(BEGIN + MESSAGE).at(-1)).toMatch(/^y 451 4\.3\.0 /);
    expect(talk.logged[0]).toMatch(/would be lost/);
    const old = converse(
      noting({
        endOfMessage: () => ({
          verdict: CONTINUE,
          changes: [{ kind: 'replace-sender', address: '' }],
        }),
      }).handler,
    );
    const begin = offer(2, 0x3f, 0x7f) + CONNECT + HELO;
    expect(old.hear(begin + mail() + rcpt() + END).at(-1)).toMatch(/^y 451/);
    expect(old.logged[0]).toMatch(/CHGFROM was not negotiated/);
  });
});

describe('a handler that fails', () => {
  const fail = () => {
    throw new Error('a bug');
  };
  const reply = 'y 451 4.3.0 Temporary failure, please try again later|';

  it.each([
    ['mail', mail(), [reply]],
    ['rcpt', mail() + rcpt() + rcpt(), ['c', reply, reply]],
    ['data', mail() + rcpt() + DATA, ['c', 'c', reply]],
    ['endOfMessage', MESSAGE, ['c', 'c', 'c', reply]],
  ] as const)('at %s is a temporary failure, at once or later', async (stage, bytes, replies) => {
    for (const work of [fail, async () => fail()]) {
      const talk = converse(noting({ [stage]: work }).handler);
      talk.hear(BEGIN);
      talk.hear(bytes);
      await settle();
      await settle();
      expect(talk.counters.failures).toBeGreaterThan(0);
      expect(talk.logged[0]).toMatch(/a handler failed.*a bug/);
      talk.sent();
      talk.state.handler = noting().handler;
      expect(talk.hear(ABORT + MESSAGE)).toEqual(['c', 'c', 'c', 'c']);
    }
    const at = converse(noting({ [stage]: fail }).handler);
    at.hear(BEGIN);
    expect(at.hear(bytes)).toEqual(replies);
  });

  it('at CONNECT or HELO refuses the messages, not the session', () => {
    for (const stage of ['connect', 'helo']) {
      const { hear } = converse(noting({ [stage]: fail }).handler);
      expect(hear(BEGIN)).toEqual(['O', 'c', 'c']);
      expect(hear(mail())).toEqual([reply]);
      expect(hear(ABORT + mail())).toEqual([reply]);
    }
  });

  it('at abort or close does no harm', () => {
    const { hear, state } = converse(noting({ abort: fail, close: fail }).handler);
    expect(hear(BEGIN + mail() + ABORT + MESSAGE + QUIT)).toEqual([...'Occ', 'c', ...'cccc']);
    expect(state.isOver).toBe(true);
  });
});

describe('a handler that needs few stages', () => {
  const bare = (more: Partial<MilterHandler> = {}): MilterHandler => ({ name: 'bare', ...more });

  it('gets no HELO, answers neither CONNECT nor MAIL, and accepts at DATA', () => {
    const { hear } = converse(bare({ rcpt: () => CONTINUE }));
    expect(hear(offer() + CONNECT)).toEqual(['O']);
    expect(hear(mail() + rcpt() + DATA)).toEqual(['c', 'a']);
    expect(hear(ABORT + mail() + rcpt() + rcpt())).toEqual(['c', 'c']);
  });

  it('answers each command of a mail server that knows no silence', () => {
    const { hear } = converse(bare());
    expect(hear(offer(2, 0x3f, 0x7f) + CONNECT)).toEqual(['O', 'c']);
    expect(hear(mail() + rcpt() + END)).toEqual(['c', 'c', 'c']);
  });

  it('is followed by one that refuses at MAIL: the recipients hear it', async () => {
    for (const wrap of [(v: Verdict) => v, (v: Verdict) => Promise.resolve(v)]) {
      const talk = converse(bare());
      talk.hear(offer() + CONNECT);
      talk.state.handler = noting({ mail: () => wrap(reject('5.7.1', 'no')) }).handler;
      const said = talk.hear(mail() + rcpt() + rcpt());
      await settle();
      const refused = 'y 550 5.7.1 no|';
      expect([...said, ...talk.sent()]).toEqual([refused, refused]);
      talk.state.handler = bare();
      expect(talk.hear(ABORT + mail() + rcpt() + DATA)).toEqual(['c', 'a']);
    }
  });

  it('is followed by one that accepts at MAIL: the first recipient hears it', () => {
    const talk = converse(bare());
    talk.hear(offer() + CONNECT);
    talk.state.handler = noting({ mail: () => ACCEPT }).handler;
    expect(talk.hear(mail() + rcpt())).toEqual(['a']);
    expect(talk.hear(ABORT + mail() + rcpt())).toEqual(['a']);
  });
});

describe('a handler that does not answer', () => {
  it.each([
    ['mail', BEGIN + mail(), MESSAGE],
    ['rcpt', BEGIN + mail() + rcpt(), ABORT + MESSAGE],
    ['data', BEGIN + mail() + rcpt() + DATA, ABORT + MESSAGE],
    ['endOfMessage', BEGIN + MESSAGE, MESSAGE],
  ])('at %s is a temporary failure when its budget is used up', async (stage, bytes, next) => {
    const late: ((answer: unknown) => void)[] = [];
    const { handler } = noting({ [stage]: () => new Promise((resolve) => late.push(resolve)) });
    const talk = converse({ ...handler, budget: 20 });
    talk.hear(bytes);
    await until('the answer', () => talk.counters.failures === 1);
    expect(talk.sent().at(-1)).toMatch(/^y 451 4\.3\.0 /);
    expect(talk.logged[0]).toMatch(/no answer within 0\.02 s/);
    talk.state.handler = noting().handler;
    const replies = talk.hear(next);
    late[0]?.(stage === 'endOfMessage' ? { verdict: CONTINUE, changes: [] } : CONTINUE);
    await settle();
    expect([...replies, ...talk.sent()]).toEqual(['c', 'c', 'c', 'c']);
  });
});

describe('the state', () => {
  /** What a handler sees at the end of each message: sender, recipients, queue ID, HELO. */
  function seen(...chunks: readonly string[]): unknown[] {
    const messages: unknown[] = [];
    const note = (message: MilterMessage) =>
      void messages.push([
        message.sender.address,
        message.recipients.map(({ address }) => address).join(),
        message.queueId,
        message.session.helo,
      ]);
    const handler: MilterHandler = {
      ...noting().handler,
      rcpt: ({ localPart }) => (localPart === 'no' ? reject('5.1.1', 'no') : CONTINUE),
      endOfMessage(message) {
        note(message);
        return { verdict: CONTINUE, changes: [] };
      },
    };
    const { hear } = converse(handler);
    for (const chunk of chunks) hear(chunk);
    return messages;
  }

  it.each([
    ['two messages without ABORT between them (Sendmail)', MESSAGE + MESSAGE],
    ['with one', MESSAGE + ABORT + MESSAGE],
    ['with two', MESSAGE + ABORT + ABORT + MESSAGE],
    ['ABORT outside a transaction', `${ABORT + MESSAGE + ABORT}${MESSAGE}`],
  ])('begins anew: %s', (_, bytes) => {
    const one = ['x@out.example', 'a@in.example', undefined, 'x.example'];
    expect(seen(BEGIN, bytes)).toEqual([one, one]);
  });

  it('holds only the recipients that were not refused, as often as they came', () => {
    const bytes = mail() + rcpt('<no@b>') + rcpt('<a@b>') + rcpt('<a@b>') + DATA + END;
    expect(seen(BEGIN, bytes)).toEqual([['x@out.example', 'a@b,a@b', undefined, 'x.example']]);
  });

  it('goes on after a refusal at DATA', () => {
    const verdicts = [reject('5.7.1', 'no'), CONTINUE];
    const { handler } = noting({ data: () => verdicts.shift() as Verdict });
    const { hear } = converse(handler);
    hear(BEGIN + mail() + rcpt());
    expect(hear(DATA + rcpt() + DATA + END)).toEqual(['y 550 5.7.1 no|', 'c', 'c', 'c']);
  });

  it('keeps HELO and connection when HELO comes in a transaction, then ABORT (Postfix)', () => {
    const again = frame('H', 'again.example\0');
    const bytes = mail() + rcpt() + macro('H') + again + ABORT + ABORT + MESSAGE;
    expect(seen(BEGIN, bytes)).toEqual([
      ['x@out.example', 'a@in.example', undefined, 'again.example'],
    ]);
  });

  it('knows the queue ID when the mail server does', () => {
    const postfix =
      mail() + macro('R') + rcpt() + macro('R', 'i', 'ABC') + rcpt() + macro('T') + DATA + END;
    expect(seen(BEGIN, postfix)[0]).toContain('ABC');
    const sendmail = macro('M', 'i', 'ABC') + MESSAGE + macro('M', 'i', 'DEF') + MESSAGE;
    expect(seen(BEGIN, sendmail).map((one) => (one as string[])[2])).toEqual(['ABC', 'DEF']);
    expect(seen(BEGIN, `${macro('M', 'i', 'ABC') + MESSAGE}${MESSAGE}`)[1]).not.toContain('ABC');
  });

  it('takes nothing from the macros of a recipient that never came', () => {
    const bytes = mail() + macro('R', 'rcpt_mailer', 'error') + DATA;
    const values: unknown[] = [];
    const { handler } = noting({
      data: ({ session }) => void values.push(session.macro('rcpt_mailer')) as never,
    });
    converse(handler).hear(BEGIN + bytes);
    expect(values).toEqual([undefined]);
  });

  it('tells the imitated session of Postfix from that of a client', () => {
    const local: boolean[] = [];
    const { handler } = noting({ mail: (message) => void local.push(message.isLocal) as never });
    const imitated = frame('C', 'localhost\x004\0\x00127.0.0.1\0') + HELO;
    converse(handler).hear(
      `${offer() + imitated + macro('M', 'i', 'ABC')}${mail('x@out.example')}`,
    );
    converse(handler).hear(BEGIN + macro('M', 'i', 'ABC') + mail());
    converse(handler).hear(offer() + imitated + mail());
    expect(local).toEqual([true, false, false]);
  });

  it('believes the login macro, and nothing that MAIL says', () => {
    const logins: unknown[] = [];
    const { handler } = noting({ mail: ({ login }) => void logins.push(login) as never });
    const { hear } = converse(handler);
    hear(BEGIN + macro('M', '{auth_authen}', 'alice') + MESSAGE);
    hear(macro('M', '{auth_author}', 'bob') + mail('<x@out.example>', 'AUTH=bob'));
    expect(logins).toEqual(['alice', undefined]);
  });

  it('ends at ACCEPT, until the next message', () => {
    const { handler, events } = noting({ rcpt: () => ACCEPT });
    const { hear } = converse(handler);
    hear(BEGIN);
    expect(hear(mail() + rcpt())).toEqual(['c', 'a']);
    expect(hear(ABORT + mail() + rcpt())).toEqual(['c', 'a']);
    expect(events).toEqual(['connect', 'helo', 'mail', 'rcpt', 'mail', 'rcpt']);
  });

  it('begins anew for the next SMTP session on the connection (QUIT_NC)', () => {
    const { handler, events } = noting();
    const { hear } = converse(handler);
    expect(hear(BEGIN + mail() + RESTART + CONNECT + HELO + MESSAGE)).toEqual([
      ...'Occ',
      'c',
      ...'cc',
      ...'cccc',
    ]);
    expect(events.slice(2, 6)).toEqual(['mail', 'abort', 'close', 'connect']);
  });

  it('takes a new handler with the next message', () => {
    const before = noting();
    const after = noting();
    const talk = converse(before.handler);
    talk.hear(BEGIN + mail());
    talk.state.handler = after.handler;
    talk.hear(rcpt() + DATA + END + MESSAGE + QUIT);
    expect(before.events).toEqual(['connect', 'helo', 'mail', 'rcpt', 'data', 'endOfMessage']);
    expect(after.events).toEqual(['mail', 'rcpt', 'data', 'endOfMessage', 'close']);
  });
});

describe('a mail server that gives up while a handler works', () => {
  function begin(stage: string, bytes: string) {
    const signals: AbortSignal[] = [];
    let finish: (verdict: unknown) => void = () => {};
    const work = (...args: readonly unknown[]) => {
      const { signal } = args.at(-1) as { signal: AbortSignal };
      signals.push(signal);
      return new Promise((resolve) => (finish = resolve)) as never;
    };
    const { handler, events } = noting({ [stage]: work });
    const talk = converse(handler);
    talk.hear(bytes);
    talk.sent();
    return {
      talk,
      events,
      isAborted: () => signals[0]?.aborted,
      finish: (v: unknown) => finish(v),
    };
  }
  const stages: [string, string, unknown][] = [
    ['mail', BEGIN + mail(), CONTINUE],
    ['rcpt', BEGIN + mail() + rcpt(), reject('5.1.1', 'no')],
    ['data', BEGIN + mail() + rcpt() + DATA, reject('5.7.1', 'no')],
    ['endOfMessage', BEGIN + MESSAGE, { verdict: CONTINUE, changes: [] }],
  ];

  it.each(stages)(
    'ABORT at %s: cancelled, no late answer, the next message is fine',
    async (stage, bytes, late) => {
      const { talk, events, isAborted, finish } = begin(stage, bytes);
      expect(isAborted()).toBe(false);
      expect(talk.hear(ABORT)).toEqual([]);
      expect(isAborted()).toBe(true);
      expect(events.at(-1)).toBe('abort');
      talk.state.handler = noting().handler;
      expect(talk.hear(MESSAGE)).toEqual(['c', 'c', 'c', 'c']);
      finish(late);
      await settle();
      expect(talk.sent()).toEqual([]);
      expect(talk.hear(MESSAGE)).toEqual(['c', 'c', 'c', 'c']);
    },
  );

  it.each([...stages, ['connect', offer() + CONNECT, CONTINUE], ['helo', BEGIN, CONTINUE]])(
    'QUIT or the end of the stream at %s',
    async (stage, bytes, late) => {
      for (const leave of ['quit', 'close']) {
        const { talk, events, isAborted, finish } = begin(stage as string, bytes as string);
        if (leave === 'quit') talk.hear(QUIT);
        else talk.dialogue.close();
        expect(isAborted()).toBe(true);
        expect(events.at(-1)).toBe('close');
        finish(late);
        await settle();
        expect(talk.sent()).toEqual([]);
      }
    },
  );

  it('a failure that comes too late is not logged', async () => {
    const { talk, finish } = begin('rcpt', BEGIN + mail() + rcpt());
    talk.hear(ABORT);
    finish(Promise.reject(new Error('aborted')));
    await settle();
    expect(talk.logged).toEqual([]);
  });

  it('ABORT does not cancel HELO', async () => {
    const { talk, finish } = begin('helo', BEGIN);
    expect(talk.hear(ABORT + mail())).toEqual([]);
    finish(CONTINUE);
    await settle();
    expect(talk.sent()).toEqual(['c', 'c']);
  });
});

describe('the end of the stream', () => {
  it.each([
    ['before anything', '', []],
    ['after the negotiation', offer(), []],
    ['after CONNECT', offer() + CONNECT, []],
    ['after MAIL', BEGIN + mail(), ['abort']],
    ['after RCPT', BEGIN + mail() + rcpt(), ['abort']],
    ['after DATA', BEGIN + mail() + rcpt() + DATA, ['abort']],
    ['after the message', BEGIN + MESSAGE, []],
    ['in the middle of a frame', `${BEGIN + mail()}\0\0\0`, ['abort']],
  ])('%s is normal', (_, bytes, events) => {
    const { handler, events: seen } = noting();
    const { hear, dialogue, counters, logged } = converse(handler);
    hear(bytes);
    dialogue.close();
    dialogue.close();
    expect(seen.filter((event) => ['abort', 'close'].includes(event))).toEqual([
      ...events,
      'close',
    ]);
    expect(logged).toEqual([]);
    expect(counters.broken).toBe(0);
  });
});

describe('a peer that breaks the protocol', () => {
  it.each([
    ['no negotiation', CONNECT],
    ['a second negotiation', offer() + offer()],
    ['version 1', offer(1)],
    ['a second CONNECT', BEGIN + CONNECT],
    ['HELO before CONNECT', offer() + HELO],
    ['MAIL before CONNECT', offer() + mail()],
    ['RCPT without MAIL', BEGIN + rcpt()],
    ['DATA without MAIL', BEGIN + DATA],
    ['the end without MAIL', BEGIN + END],
    ['RCPT after the end', BEGIN + MESSAGE + rcpt()],
    ['an unknown command', `${BEGIN}${frame('X')}`],
    ['an address without its end', `${BEGIN}${frame('M', '<a@b>')}`],
    ['an empty macro frame', `${BEGIN}${frame('D')}`],
  ])('%s: the connection ends', (_, bytes) => {
    const { handler, events } = noting();
    const { hear, state, counters } = converse(handler);
    hear(bytes);
    expect(state.ended).toMatch(/\S/);
    expect(counters.broken).toBe(1);
    expect(events.at(-1)).toBe('close');
    expect(hear(BEGIN + MESSAGE)).toEqual([]);
  });

  it('gets at most as many replies as it has sent commands, whatever it sends', () => {
    const commands = fc.constantFrom(
      offer(),
      CONNECT,
      HELO,
      mail(),
      rcpt(),
      DATA,
      END,
      ABORT,
      RESTART,
      macro('M', 'i', 'ABC'),
      macro('Z'),
      frame('L', 'a\0b\0'),
      frame('N'),
      frame('B', 'x'),
      frame('D'),
      frame('C', 'broken'),
    );
    const verdicts = fc.constantFrom<Verdict>(
      CONTINUE,
      ACCEPT,
      reject('5.1.1', 'no'),
      tempfail('4.7.1', 'no'),
    );
    fc.assert(
      fc.property(
        fc.array(commands, { maxLength: 40 }),
        fc.array(verdicts, { minLength: 1, maxLength: 20 }),
        (frames, answers) => {
          let count = 0;
          const next = () => answers[count++ % answers.length] as Verdict;
          const { hear, state } = converse(
            noting({ mail: next, rcpt: next, data: next, helo: next }).handler,
          );
          const silent = (one: string) => 'DAK'.includes(one[4] as string);
          expect(hear(BEGIN)).toHaveLength(3);
          for (const one of frames) {
            const replies = hear(one);
            if (state.isOver) break;
            expect(replies.length).toBe(silent(one) ? 0 : 1);
          }
        },
      ),
    );
  });

  it('cannot fill the memory with recipients', () => {
    const { hear } = converse(noting().handler);
    hear(BEGIN + mail());
    const long = rcpt(`<${'x'.repeat(60_000)}@b.example>`);
    const replies = Array.from({ length: 300 }, () => hear(long)[0]);
    expect(replies[0]).toBe('c');
    expect(replies.at(-1)).toBe('y 452 4.5.3 Too many recipients|');
  });
});
