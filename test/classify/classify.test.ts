import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { classify, explainReason, parseReply } from '../../src/classify/classify.ts';
import { normalise } from '../../src/classify/normalise.ts';
import { reduceToShape } from '../../src/classify/shape.ts';
import { REASON_TABLE } from '../../src/classify/table.ts';
import { REASONS, type Reason } from '../../src/model/event.ts';
import type { Stage } from '../../src/model/record.ts';
import type { Refusal } from '../../src/model/refusal.ts';
import { isQuick } from '../support/quickly.ts';
import { REPLIES } from './cases.ts';

describe('reasons of replies', () => {
  test.each(REPLIES)('%s', (reply, reason) => {
    expect(classify({ reply })).toBe(reason);
  });
});

describe('the table', () => {
  test.each(REASON_TABLE.map((entry) => [entry.name, entry] as const))(
    '%s is reached by its own example',
    (name, entry) => {
      expect(explainReason({ reply: entry.example })).toEqual({ reason: entry.reason, by: name });
    },
  );

  it('has unique names', () => {
    const names = REASON_TABLE.map((entry) => entry.name);
    expect(names).toEqual([...new Set(names)]);
  });

  it('has literals that a normalised text can hold', () => {
    const literals = REASON_TABLE.flatMap((entry) => entry.literals.split('|'));
    const impossible = literals.filter(
      (literal) => !` ${normalise(literal)} `.includes(literal.trim()),
    );
    expect(impossible).toEqual([]);
    expect(literals.filter((literal) => /[\\?*+^$[\](]/.test(literal))).toEqual([]);
    expect(literals).not.toContain('');
  });

  it('has entries for every reason', () => {
    expect(new Set(REASON_TABLE.map((entry) => entry.reason))).toEqual(new Set(REASONS));
  });
});

const CONTEXT: readonly (readonly [string, Refusal, Reason])[] = [
  ['status alone', { status: '5.1.1' }, 'invalid-recipient'],
  [
    'status from the log, text without known words',
    { reply: '550 rejected: x', status: '5.1.1' },
    'invalid-recipient',
  ],
  ['code alone', { code: 552 }, 'mailbox-full'],
  ['code from the log', { reply: 'no', code: 535 }, 'auth'],
  ['status before code', { code: 552, status: '5.3.4' }, 'too-big'],
  ['nothing', {}, 'other'],
  ['words before status', { reply: '550 5.1.1 Mailbox full' }, 'mailbox-full'],
  [
    'words before status, blocklist',
    { reply: '550 5.1.1 192.0.2.7 is in a black list' },
    'reputation',
  ],
  [
    'unknown after MAIL is the sender',
    { reply: '550 5.1.1 User unknown', stage: 'MAIL' },
    'reputation',
  ],
  ['unknown after HELO is not a recipient', { reply: '550 Unknown user', stage: 'HELO' }, 'other'],
  [
    'unknown domain after HELO is the HELO name',
    { reply: '550 Host not found', stage: 'HELO' },
    'reputation',
  ],
  ['status after MAIL', { reply: '550 5.1.1 no', stage: 'MAIL' }, 'reputation'],
  ['refused at connect', { reply: '554 no', stage: 'CONNECT' }, 'reputation'],
  [
    'refused at connect, with the frame of Postfix',
    { reply: 'host mx.example.org[192.0.2.7] refused to talk to me: 554 no', status: '4.0.0' },
    'reputation',
  ],
  ['a text that is not a status', { reply: '550 no', status: '5.toString' }, 'other'],
  [
    'the command at the end of a bare reply',
    { reply: '550 5.1.1 no (in reply to MAIL FROM command)' },
    'reputation',
  ],
  ['status after DATA is not enough', { reply: '550 5.1.1 no', stage: 'EOM' }, 'other'],
  ['words after DATA are', { reply: '550 5.1.1 User unknown', stage: 'EOM' }, 'invalid-recipient'],
  [
    'policy of Postfix',
    { reply: '554 5.7.1 <bob@example.org>: Recipient address rejected: Access denied' },
    'reputation',
  ],
  ['unrouteable for a remote domain', { reply: 'Unrouteable address' }, 'invalid-domain'],
  ['unrouteable at RCPT', { reply: 'Unrouteable address', stage: 'RCPT' }, 'invalid-recipient'],
  ['cached answer', { reply: '550 5.1.1 User unknown', cached: true }, 'other'],
  [
    'cached answer by its frame',
    {
      reply:
        'delivery temporarily suspended: host mx.example.org[192.0.2.7] said: 550 5.1.1 User unknown',
    },
    'other',
  ],
  [
    'cached answer about the host',
    {
      reply:
        'delivery temporarily suspended: connect to mx.example.org[192.0.2.7]:25: Connection refused',
    },
    'network',
  ],
  [
    'frame names the command',
    { reply: 'host mx.example.org[192.0.2.7] said: 550 5.1.1 no (in reply to MAIL FROM command)' },
    'reputation',
  ],
  [
    'the stage of the caller takes precedence over the frame',
    {
      reply: 'host mx.example.org[192.0.2.7] said: 550 5.1.1 no (in reply to MAIL FROM command)',
      stage: 'RCPT',
    },
    'invalid-recipient',
  ],
  [
    'another address',
    { reply: '550 5.1.1 <eve@example.net>: User unknown', recipient: 'bob@example.org' },
    'other',
  ],
  [
    'the same address',
    { reply: '550 5.1.1 <Bob@Example.org>: User unknown', recipient: 'bob@example.org' },
    'invalid-recipient',
  ],
  [
    'rewritten within the domain',
    { reply: '550 5.1.1 <b17@mail.example.org>: User unknown', recipient: 'bob@example.org' },
    'invalid-recipient',
  ],
  [
    'forwarded under the same name',
    { reply: '550 5.1.1 <bob@example.net>: User unknown', recipient: 'bob@example.org' },
    'invalid-recipient',
  ],
  [
    'a help desk is not another recipient',
    { reply: '550 5.1.1 User unknown, ask <postmaster@example.net>', recipient: 'bob@example.org' },
    'invalid-recipient',
  ],
];

describe('context', () => {
  test.each(CONTEXT)('%s', (_name, refusal, reason) => {
    expect(classify(refusal)).toBe(reason);
  });

  it('never calls a recipient invalid before RCPT', () => {
    const early: readonly Stage[] = ['CONNECT', 'HELO', 'MAIL', 'AUTH', 'STARTTLS'];
    for (const [reply] of REPLIES) {
      for (const stage of early) expect(classify({ reply, stage })).not.toBe('invalid-recipient');
    }
  });
});

const PARSED: readonly (readonly [string, ReturnType<typeof parseReply>])[] = [
  ['550 5.1.1 <x>: unknown', { code: 550, status: '5.1.1', text: '550 5.1.1 <x>: unknown' }],
  ['550-5.1.1 a 550 5.1.1 b', { code: 550, status: '5.1.1', text: '550-5.1.1 a 550 5.1.1 b' }],
  ['550 no (#5.1.0)', { code: 550, status: '5.1.0', text: '550 no (#5.1.0)' }],
  [
    '550 #5.1.0 Address rejected.',
    { code: 550, status: '5.1.0', text: '550 #5.1.0 Address rejected.' },
  ],
  ['smtp; 550 5.1.1 no', { code: 550, status: '5.1.1', text: '550 5.1.1 no' }],
  ['5.2.2 Mailbox full', { status: '5.2.2', text: '5.2.2 Mailbox full' }],
  ['550', { code: 550, text: '550' }],
  ['no code here', { text: 'no code here' }],
  ['550 blocked 5.1.1.7', { code: 550, text: '550 blocked 5.1.1.7' }],
  ['550 version 4.1.1 speaking', { code: 550, text: '550 version 4.1.1 speaking' }],
  [
    'host mx.example.org[192.0.2.7] said: 550 5.1.1 no (in reply to RCPT TO command)',
    { code: 550, status: '5.1.1', text: '550 5.1.1 no' },
  ],
  [
    'host mx.example.org[192.0.2.7] refused to talk to me: 421 busy',
    { code: 421, text: '421 busy' },
  ],
  [
    'SMTP error from remote mail server after RCPT TO:<bob@example.org>: 550 5.1.1 no',
    { code: 550, status: '5.1.1', text: '550 5.1.1 no' },
  ],
  [
    'SMTP error from remote mailer after RCPT TO:<bob@example.org>: host mx.example.org [192.0.2.7]: 550 no',
    { code: 550, text: '550 no' },
  ],
  [
    'response to "RCPT TO:<bob@example.org>" was: 550 5.1.1 no',
    { code: 550, status: '5.1.1', text: '550 5.1.1 no' },
  ],
  ['', { text: '' }],
];

describe('parseReply', () => {
  test.each(PARSED)('%s', (text, expected) => {
    expect(parseReply(text)).toEqual(expected);
  });
});

const SHAPES: readonly (readonly [string, string])[] = [
  ['550 5.1.1 <bob.b+1@mx1.example.org>: no', '550 5.1.1 <a@a>: no'],
  ['bob@example.org:blocked.', 'a@a:blocked.'],
  ['bob@example.org... no', 'a@a... no'],
  ['[192.0.2.7]:25 and 198.51.100.77.', '[0.0.0.0]:25 and 0.0.0.0.'],
  ['550-mx17.example.org x12y345', '550-mx0.example.org x0y0'],
  ['id 123456 in 30', 'id 0000 in 30'],
  ['https://example.org/?a=x@example.net', 'https://example.org/?a=x@example.net'],
];

describe('shapes', () => {
  test.each(SHAPES)('%s', (text, shape) => {
    expect(reduceToShape('', text)).toBe(shape);
  });

  it('give the same reason at every call, in whatever order', () => {
    const first = REPLIES.map(([reply]) => explainReason({ reply }));
    for (let round = 0; round < 9000; round++) classify({ reply: `x${'y'.repeat(round)}` });
    expect(REPLIES.map(([reply]) => explainReason({ reply }))).toEqual(first);
  });

  it('do not depend on addresses, hosts and numbers', () => {
    const local = fc.stringMatching(/^[a-z][a-z0-9.+-]{0,20}$/);
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(local, octet, fc.integer({ min: 1, max: 99_999 }), (name, byte, number) => {
        const reply = `550 5.1.1 <${name}@h${number}.example.org> at [192.0.2.${byte}]: User unknown, id ${number}`;
        expect(classify({ reply })).toBe('invalid-recipient');
      }),
    );
  });
});

describe('a reply that names its recipient', () => {
  // The reason is remembered by the other words of the reply for the plain ones only.
  const PLAIN = ['anna.b+c@example.net', 'x@mx1.example.org', '1@2', 'o_k@example-1.test'];
  const ODD = ['"a b"@example.net', 'x@-a_b', 'a@b@c', 'a@b.', 'http://x@y', 'é@example.net', 'x'];

  it.each([...PLAIN, ...ODD])('%s has the reason of its shape', (recipient) => {
    for (const [reply] of REPLIES) {
      const at = reply.indexOf(' ', 4) + 1;
      const named = `${reply.slice(0, at)}<${recipient}>: ${reply.slice(at)}`;
      for (const code of [undefined, 550, 450]) {
        const { reason } = explainReason({ reply: named, code });
        // Twice, because the first call may have filled the memory. Without a recipient it is found by the shape.
        expect(explainReason({ reply: named, code, recipient }).reason).toBe(reason);
        expect(explainReason({ reply: named, code, recipient }).reason).toBe(reason);
      }
    }
  });
});

describe('any text', () => {
  const stage = fc.constantFrom<Stage | undefined>(undefined, 'CONNECT', 'MAIL', 'RCPT', 'EOM');

  it('gets a reason', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.string(),
    );
    fc.assert(
      fc.property(text, text, fc.integer(), stage, text, (reply, status, code, at, recipient) => {
        const input = at === undefined ? {} : { stage: at };
        expect(REASONS).toContain(classify({ reply, status, code, recipient, ...input }));
        expect(typeof parseReply(reply).text).toBe('string');
      }),
    );
  });

  const HUGE = 1_048_576;
  test.each([
    'a',
    ' ',
    '1.',
    '<a@',
    'user ',
    '550-',
    ':',
    'a:',
    'a@b:',
    'é',
    '見',
    'unknown user ',
    'is ',
  ])('1 MB of %j is quick', (piece) => {
    const reply = piece.repeat(HUGE / piece.length);
    const quick = isQuick(() => {
      for (const at of [undefined, 'RCPT'] as const) {
        classify({
          reply,
          recipient: 'bob@example.org',
          ...(at === undefined ? {} : { stage: at }),
        });
      }
      parseReply(reply);
    }, 1000);
    expect(quick).toBe(true);
  });
});
