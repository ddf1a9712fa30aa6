/** The parts that handlers use: addresses, reply texts, changes, chains. */
import { describe, expect, it } from 'vitest';
import { chain } from '../../src/milter/chain.ts';
import { encodeChanges, findForbidden } from '../../src/milter/changes.ts';
import {
  ACCEPT,
  type Change,
  CONTINUE,
  encodeXtext,
  findParameter,
  type MilterHandler,
  type MilterMessage,
  type MilterSession,
  parseEnvelopeAddress,
  reject,
  type Verdict,
} from '../../src/milter/handler.ts';
import type { ActionName } from '../../src/milter/negotiation.ts';
import { encodeRefusal } from '../../src/milter/reply.ts';

describe('an address', () => {
  it.each([
    ['<a@b.example>', 'a@b.example', 'a', 'b.example'],
    ['a@b.example', 'a@b.example', 'a', 'b.example'],
    ['<>', '', '', ''],
    ['', '', '', ''],
    ['<@relay.example:x@y.example>', 'x@y.example', 'x', 'y.example'],
    ['<@a.example,@b.example:x@y.example>', 'x@y.example', 'x', 'y.example'],
    ['<"a b"@c.example>', '"a b"@c.example', '"a b"', 'c.example'],
    ['<"a@b"@c.example>', '"a@b"@c.example', '"a@b"', 'c.example'],
    ['<"a@b">', '"a@b"', '"a@b"', ''],
    ['<"a>b"@c.example>', '"a>b"@c.example', '"a>b"', 'c.example'],
    ['<"a\\">b"@c.example>', '"a\\">b"@c.example', '"a\\">b"', 'c.example'],
    ['<postmaster>', 'postmaster', 'postmaster', ''],
    ['<User@Example.COM>', 'User@Example.COM', 'User', 'example.com'],
    [
      '<gr\xc3\x9c\xc3\x9fe@b.example>',
      'gr\xc3\x9c\xc3\x9fe@b.example',
      'gr\xc3\x9c\xc3\x9fe',
      'b.example',
    ],
    ['<a@b.example', 'a@b.example', 'a', 'b.example'],
    ['<a@b.example>>', 'a@b.example', 'a', 'b.example'],
  ])('%s is %s', (argument, address, localPart, domain) => {
    expect(parseEnvelopeAddress([argument])).toEqual({
      argument,
      address,
      localPart,
      domain,
      parameters: [],
    });
  });

  it('has its parameters, in strings of their own or behind the address', () => {
    const parameters = ['NOTIFY=NEVER', 'ORCPT=rfc822;a@b.example'];
    const own = parseEnvelopeAddress(['<a@b.example>', ...parameters]);
    expect(own.parameters).toEqual(parameters);
    const behind = parseEnvelopeAddress([`<a@b.example> ${parameters.join(' ')}`]);
    expect(behind).toMatchObject({ address: 'a@b.example', parameters });
    expect(findParameter(own, 'notify')).toBe('NEVER');
    expect(findParameter(own, 'ENVID')).toBeUndefined();
  });
});

/** A refusal as the mail server reads it. */
function replyOf(text: string, code = 550, status = '5.1.1'): string {
  const frame = encodeRefusal({ kind: 'refuse', code, status, text });
  expect(frame[4]).toBe('y');
  return frame.slice(5);
}

describe('the text of a refusal', () => {
  it.each([
    ['no such user', '550 5.1.1 no such user\0'],
    ['100 % sure', '550 5.1.1 100 %% sure\0'],
    ['one\ntwo\r\nthree', '550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 three\0'],
    ['one\n\n\ntwo\n', '550-5.1.1 one\r\n550 5.1.1 two\0'],
    ['gr\u00fc\u00dfe \u202e \x1b[1m\0', '550 5.1.1 gr?e ? ?[1m?\0'],
    ['', '550 5.1.1 Refused\0'],
    ['   ', '550 5.1.1 Refused\0'],
  ])('%j', (text, reply) => {
    expect(replyOf(text)).toBe(reply);
  });

  it('never has a line that is too long, or too many', () => {
    const lines = replyOf(`${'word '.repeat(2000)}${'x'.repeat(20_000)}`).split('\r\n');
    expect(lines.length).toBeLessThanOrEqual(32);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(240);
    expect(replyOf('x\n'.repeat(100)).split('\r\n')).toHaveLength(32);
  });

  it.each([
    [250, '2.0.0'],
    [550, '4.1.1'],
    [450, '5.1.1'],
    [600, '5.1.1'],
    [550, ''],
    [550, '5.1'],
  ])('%d %s is a bug of ours', (code, status) => {
    expect(() => replyOf('x', code, status)).toThrow(RangeError);
  });
});

const ALL: ReadonlySet<ActionName> = new Set(['ADDRCPT', 'DELRCPT', 'CHGFROM', 'ADDRCPT_PAR']);

/** Frames in short: their command and their strings. */
function framesOf(changes: readonly Change[], actions = ALL): string[] {
  const bytes = encodeChanges(changes, actions);
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.charCodeAt(at + 2) * 256 + bytes.charCodeAt(at + 3);
    frames.push(bytes.slice(at + 4, at + 4 + length).replaceAll('\0', '|'));
    at += 4 + length;
  }
  return frames;
}

const add = (address: string, ...parameters: string[]): Change => ({
  kind: 'add-recipient',
  address,
  parameters,
});

describe('changes', () => {
  it('are sent deletions first, the sender last', () => {
    expect(
      framesOf([
        { kind: 'replace-sender', address: 'n@o.example' },
        add('b@in.example', 'NOTIFY=FAILURE,DELAY', 'ORCPT=rfc822;orig+2Bx@in.example'),
        { kind: 'delete-recipient', argument: '<A@in.example>' },
      ]),
    ).toEqual([
      '-<A@in.example>|',
      '2<b@in.example>|NOTIFY=FAILURE,DELAY ORCPT=rfc822;orig+2Bx@in.example|',
      'e<n@o.example>|',
    ]);
  });

  it.each([
    ['FOO=bar'],
    ['NOTIFY=NEVER,FAILURE'],
    ['NOTIFY=FAILURE,'],
    ['NOTIFY=FAILURE ORCPT=x'],
    ['ORCPT=rfc822;a b'],
    ['ORCPT=rfc822;a+2'],
    ['ORCPT=rfc822;a\0b'],
    ['ORCPT=rfc822'],
    [`ORCPT=rfc822;${'x'.repeat(500)}`],
    ['NOTIFY=FAILURE\r\nRSET'],
  ])('leave out the parameter %j, which would lose the recipient', (parameter) => {
    expect(framesOf([add('b@in.example', parameter)])).toEqual(['+<b@in.example>|']);
  });

  it('do without parameters where the mail server takes none', () => {
    const old: ReadonlySet<ActionName> = new Set(['ADDRCPT', 'DELRCPT']);
    expect(framesOf([add('b@in.example', 'NOTIFY=NEVER')], old)).toEqual(['+<b@in.example>|']);
    expect(findForbidden([{ kind: 'replace-sender', address: '' }], old)).toMatch(/CHGFROM/);
    expect(findForbidden([add('b@in.example')], old)).toBeUndefined();
  });

  it('give the null sender and quoted local parts as they are', () => {
    const sender = (address: string): Change => ({ kind: 'replace-sender', address });
    expect(framesOf([sender(''), sender('<"prvs=1=a b"@o.example>')])).toEqual([
      'e<>|',
      'e<"prvs=1=a b"@o.example>|',
    ]);
  });

  it.each(['x y@o.example', 'a>b@o.example', 'a@b\r\nRSET', 'a\0@b', '"a@b.example', 'a@b@c'])(
    'never hold %j',
    (address) => {
      expect(() => framesOf([{ kind: 'replace-sender', address }])).toThrow(RangeError);
    },
  );

  it('have xtext', () => {
    expect(encodeXtext('a+b=c d\xe9@x')).toBe('a+2Bb+3Dc+20d+E9@x');
  });
});

describe('a chain', () => {
  const session = {} as MilterSession;
  const message = { session } as MilterMessage;
  const recipient = parseEnvelopeAddress(['<a@b.example>']);
  const no = reject('5.1.1', 'no');

  function handler(
    name: string,
    asked: string[],
    verdict: Verdict | Promise<Verdict>,
  ): MilterHandler {
    const answer = () => {
      asked.push(name);
      return verdict;
    };
    return { name, connect: answer, rcpt: answer };
  }

  it.each([
    ['all continue', [CONTINUE, CONTINUE], CONTINUE, 'ab'],
    ['the first refusal wins', [no, CONTINUE], no, 'a'],
    ['the second one refuses', [CONTINUE, no], no, 'ab'],
    ['one accepts, the other still refuses', [ACCEPT, no], no, 'ab'],
    ['one accepts, the other does not care', [ACCEPT, CONTINUE], CONTINUE, 'ab'],
    ['all accept', [ACCEPT, ACCEPT], ACCEPT, 'ab'],
  ] as const)('%s', async (_, verdicts, result, order) => {
    for (const wrap of [(v: Verdict) => v, (v: Verdict) => Promise.resolve(v)]) {
      const asked: string[] = [];
      const names = ['a', 'b'];
      const handlers = verdicts.map((v, at) => handler(names[at] as string, asked, wrap(v)));
      expect(await chain(handlers).rcpt?.(recipient, message)).toEqual(result);
      expect(asked.join('')).toBe(order);
    }
  });

  it('asks nobody again who has accepted the message, or the session', async () => {
    const asked: string[] = [];
    const both = chain([handler('a', asked, ACCEPT), handler('b', asked, CONTINUE)]);
    await both.rcpt?.(recipient, message);
    await both.rcpt?.(recipient, message);
    expect(asked.join('')).toBe('abb');
    await both.rcpt?.(recipient, { session } as MilterMessage);
    expect(asked.join('')).toBe('abbab');
    await both.connect?.(session);
    await both.rcpt?.(recipient, { session } as MilterMessage);
    expect(asked.join('')).toBe('abbababb');
  });

  it('answers without a promise as long as no handler needs one', () => {
    const both = chain([handler('a', [], CONTINUE), handler('b', [], CONTINUE)]);
    expect(both.rcpt?.(recipient, message)).toEqual(CONTINUE);
  });

  it('has the stages that one of them has, and waits as long as the slowest may take', () => {
    const one: MilterHandler = { name: 'a', rcpt: () => CONTINUE, budget: 60_000 };
    const both = chain([one, { name: 'b', data: () => CONTINUE }]);
    const stages = ['connect', 'helo', 'mail', 'endOfMessage'] as const;
    expect(stages.filter((stage) => both[stage] !== undefined)).toEqual([]);
    expect(both.budget).toBe(60_000);
    const end = {
      name: 'c',
      mail: () => CONTINUE,
      endOfMessage: () => ({ verdict: CONTINUE, changes: [] }),
    };
    expect(stages.filter((stage) => chain([one, end])[stage] !== undefined)).toEqual([
      'mail',
      'endOfMessage',
    ]);
    expect(chain([end, end]).budget).toBe(8000);
  });

  it.each([
    ['nobody wants the end', [undefined, undefined], ACCEPT],
    ['one has accepted, the other has no end', [undefined, ACCEPT], ACCEPT],
    ['one waits for the end', [undefined, CONTINUE], CONTINUE],
    ['one refuses', [CONTINUE, no], no],
  ] as const)('at DATA, when %s', async (_, verdicts, expected) => {
    for (const wrap of [(v: Verdict) => v, (v: Verdict) => Promise.resolve(v)]) {
      const handlers = verdicts.map(
        (verdict): MilterHandler =>
          verdict === undefined
            ? { name: 'x', rcpt: () => CONTINUE }
            : {
                name: 'y',
                data: () => wrap(verdict),
                endOfMessage: () => ({ verdict: CONTINUE, changes: [] }),
              },
      );
      expect(await chain(handlers).data?.({ session } as MilterMessage)).toEqual(expected);
    }
  });

  it('joins the changes, unless one refuses', async () => {
    const change: Change = { kind: 'replace-sender', address: 'a@b.example' };
    const changing = (verdict: Verdict): MilterHandler => ({
      name: 'x',
      actions: ['CHGFROM'],
      endOfMessage: () => ({ verdict, changes: [change] }),
    });
    const end = (...handlers: MilterHandler[]) => chain(handlers).endOfMessage?.(message);
    expect(await end(changing(CONTINUE), changing(ACCEPT))).toEqual({
      verdict: CONTINUE,
      changes: [change, change],
    });
    expect(await end(changing(CONTINUE), changing(no))).toEqual({ verdict: no, changes: [] });
    expect(chain([changing(CONTINUE), changing(no)]).actions).toEqual(['CHGFROM']);
    expect(chain([]).actions).toEqual([]);
  });
});
