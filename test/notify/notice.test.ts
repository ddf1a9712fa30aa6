/** Notices as people read them: complete, in 78 columns, and harmless whatever the log contains. */
import { describe, expect, it } from 'vitest';
import { quoteForShell } from '../../src/base/escape.ts';
import type { Key } from '../../src/model/block.ts';
import type { Evidence } from '../../src/model/evidence.ts';
import { formatIdentity, parseBlockable } from '../../src/model/identity.ts';
import { buildStyle } from '../../src/model/style.ts';
import { blockNotice, digestNotice } from '../../src/notify/notice.ts';
import { cappedNotice, outageNotice } from '../../src/notify/warning.ts';

const HOUR = 3_600_000;
const TIME = Date.parse('2026-11-10T09:05:07Z');

function evidence(changes: Partial<Evidence> = {}, id = 'alice@example.net'): Evidence {
  return {
    verdict: {
      rule: 'invalid-recipients',
      action: 'block',
      key: { type: 'user', id },
      time: TIME,
      source: '/var/log/mail.log',
      line: 81234,
      offset: 9,
      count: 100,
      limit: 100,
      period: HOUR,
    },
    block: { id: 7, start: TIME, key: { type: 'user', id }, cause: 'invalid-recipients' },
    description: 'Mail to addresses that do not exist.',
    events: 100,
    first: TIME - 1000,
    last: TIME,
    addresses: 1,
    clients: [{ address: '203.0.113.7', name: 'bot.example.org', count: 61 }],
    senders: ['alice@example.net'],
    recipients: 100,
    sample: [
      {
        time: TIME,
        recipient: 'x@example.org',
        reason: 'invalid-recipient',
        reply: '550 5.1.1 User unknown',
        relay: 'mx.example.org',
      },
    ],
    lines: [
      {
        source: '/var/log/mail.log',
        line: 81234,
        text: 'Nov 10 09:05:07 mx1 postfix/smtp[1]: A: to=<x@example.org>',
      },
    ],
    ...changes,
  };
}

const OUTAGE = { refused: 8, active: 20, usual: 1.5, began: TIME, since: TIME - HOUR };

const HOSTILE =
  '<script>alert(1)</script>\r\nBcc: all@example.org\n\u001b[2J\u202e"\'& $(reboot) `id`';

describe('the notice about a block', () => {
  const { subject, text, html } = blockNotice(evidence(), [
    'Listed in /etc/postfix/postern/sasl_access.',
  ]);

  it.each([
    'alice@example.net',
    'invalid-recipients',
    '100 (limit 100) in 1h',
    '2026-11-10T09:05:06.000Z',
    '2026-11-10T09:05:07.000Z',
    '203.0.113.7',
    '61 events',
    'x@example.org',
    '550 5.1.1 User unknown',
    '/var/log/mail.log:81234',
    'Listed in /etc/postfix/postern/sasl_access.',
    'postern explain alice@example.net',
    'postern queue alice@example.net',
    'postern unblock alice@example.net',
  ])('tells %s in text and in HTML', (part) => {
    expect(text).toContain(part);
    expect(html).toContain(part);
  });

  it('says who and why in the subject', () => {
    expect(subject).toBe('[postern] alice@example.net blocked: invalid-recipients, 100 in 1h');
  });

  it('does not speak of a block where there is none', () => {
    const { block: _, ...without } = evidence();
    const notice = blockNotice(without, ['Nothing was changed: Postern only observes here.']);
    expect(notice.subject).not.toContain('blocked');
    expect(notice.text).not.toContain('unblock');
  });
});

describe('what the log contains', () => {
  const reply = { time: TIME, recipient: HOSTILE, reply: HOSTILE, relay: HOSTILE };
  const hostile = evidence(
    {
      sample: [reply],
      senders: [HOSTILE],
      clients: [{ address: HOSTILE, name: HOSTILE, count: 1 }],
      lines: [{ source: HOSTILE, line: 1, text: HOSTILE }],
      outages: [{ provider: HOSTILE, refusals: 1, since: TIME, counted: false }],
    },
    HOSTILE,
  );
  const notices = {
    block: blockNotice(hostile, [HOSTILE]),
    digest: digestNotice([
      { evidence: hostile, measures: [HOSTILE] },
      { evidence: evidence(), measures: [] },
    ]),
    capped: cappedNotice([{ key: { type: 'user', id: HOSTILE }, rule: 'r', time: TIME }], 10),
    outage: outageNotice([
      {
        provider: HOSTILE,
        ...OUTAGE,
        released: [{ rule: 'r', key: { type: 'user', id: HOSTILE } }],
      },
    ]),
  };

  it.each(Object.entries(notices))(
    'is harmless in the %s notice',
    (_name, { subject, text, html }) => {
      expect(subject).toMatch(/^[^\x00-\x1f\x7f\u202e]{1,200}$/);
      expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f\u202e]/);
      expect(text).not.toMatch(/^Bcc:/m);
      expect(html).not.toMatch(/<script|[\x00-\x09\x0b-\x1f\x7f\u202e]/);
    },
  );

  it.each([
    ['alice@example.net', 'alice@example.net'],
    ['2001:db8::7', '2001:db8::7'],
    ['a b', "'a b'"],
    ["a'; reboot; '", "'a'\\''; reboot; '\\'''"],
    ['$(id)', "'$(id)'"],
    ['-rf', "'-rf'"],
  ])('the shell takes %j as %j', (word, quoted) => {
    expect(quoteForShell(word)).toBe(quoted);
  });
});

it('a digest writes all values in the format of their rule', () => {
  const blocks = [{ evidence: evidence(), measures: [] }];
  const other = { ...evidence().verdict, rule: 'invalid-share', count: 93.7, limit: 25 };
  const measure = (value: number, rule: string) =>
    rule === other.rule ? `${value} %` : `${value}`;
  const { text } = digestNotice(blocks, [{ verdict: other }], measure);
  expect(text).toContain('alice@example.net: invalid-share, 93.7 % in 1h');
  expect(text).toContain('alice@example.net: invalid-recipients, 100 in 1h');
  expect(text).toContain('Counted: 100 (limit 100) in 1h');
});

describe('a digest', () => {
  const block = evidence().block as NonNullable<Evidence['block']>;
  const about = (id: string, of: Evidence['block']) => ({
    ...evidence({}, id),
    ...(of === undefined ? { block: undefined } : { block: of }),
  });
  const ended = { ...block, released: TIME + 1000 };

  it.each<[string, readonly Evidence['block'][], string, string[]]>([
    ['one', [block], '1 block', ['1 submitter was blocked']],
    [
      'a block beside limits',
      [block, undefined, undefined],
      '1 block; 2 limits met, nothing changed',
      ['1 submitter was blocked', '2 submitters met a limit, nothing was changed'],
    ],
    [
      'blocks that were released',
      [ended, block, ended],
      '1 block; 2 blocks released',
      ['1 submitter was blocked', '2 submitters were blocked, now released'],
    ],
    [
      'limits',
      [undefined, undefined],
      '2 limits met, nothing changed',
      ['2 submitters met a limit, nothing was changed'],
    ],
  ])('lists each result apart: %s', (_, blocks, count, titles) => {
    const all = blocks.map((of, index) => about(`user${index}@example.net`, of) as Evidence);
    for (const detailed of [0, all.length]) {
      const parts = all.slice(0, detailed).map((one) => ({ evidence: one, measures: [] }));
      const { subject, text } = digestNotice(parts, all.slice(detailed));
      expect(subject).toBe(`[postern] ${count}`);
      const headings = [...text.matchAll(/^(.*)\n-+$/gm)].map(([, heading]) => heading);
      expect(headings.slice(0, titles.length)).toEqual(titles);
    }
  });

  it('counts a submitter once that met two limits', () => {
    const { verdict } = evidence();
    const { text } = digestNotice([], [{ verdict }, { verdict: { ...verdict, rule: 'other' } }]);
    expect(text).toMatch(/^1 submitter met a limit, nothing was changed\n/);
  });
});

it('the notice about an outage names the provider, the time and the blocks that were released', () => {
  const key = { type: 'user', id: 'alice@example.net' } as const;
  const outage = { ...OUTAGE, provider: 'big.example', released: [{ rule: 'r', key }] };
  const { subject, text } = outageNotice([outage]);
  expect(subject).toBe('[postern] provider outage: big.example refuses addresses that may exist');
  expect(text).toContain(
    [
      'big.example',
      '-----------',
      '  Detected: 2026-11-10T09:05:07.000Z',
      '  Refused: 8 of the 20 submitters that had just sent mail to it',
      '  Usual: 1.5 % of them within half an hour',
      '',
      'Blocks that were released',
      '-------------------------',
      '  postern explain alice@example.net',
      '  postern queue alice@example.net',
    ].join('\n'),
  );
});

describe('the commands in a notice', () => {
  const commandsOf = (key: Key) => {
    const block = { ...evidence().block, key } as NonNullable<Evidence['block']>;
    const { text } = blockNotice(evidence({ verdict: { ...evidence().verdict, key }, block }), []);
    return text.split('\n').filter((line) => line.startsWith('  postern '));
  };

  it.each<[Key, string[]]>([
    [{ type: 'uid', id: '33' }, ['explain uid:33', 'queue uid:33', 'unblock uid:33']],
    [
      { type: 'sender', id: 'x@example.net' },
      ['explain sender:x@example.net', 'unblock sender:x@example.net'],
    ],
  ])('about %j are understood', (key, commands) => {
    expect(commandsOf(key)).toEqual(commands.map((command) => `  postern ${command}`));
    expect(parseBlockable(formatIdentity(key))).toEqual(key);
  });

  it('are left out for what cannot be typed', () => {
    const { block: _, ...observed } = evidence();
    const key = { type: 'sender-domain', id: 'example.net' } as const;
    const { text } = blockNotice({ ...observed, verdict: { ...observed.verdict, key } }, []);
    expect(text).toContain('sender-domain example.net met the rule');
    expect(text).not.toContain('postern explain');
  });
});

it('a digest lists every block and details ten', () => {
  const blocks = Array.from({ length: 12 }, (_, index) => ({
    evidence: evidence({}, `user${index}@example.net`),
    measures: [],
  }));
  const { subject, text } = digestNotice(blocks);
  expect(subject).toBe('[postern] 12 blocks');
  for (const { evidence: one } of blocks) expect(text).toContain(one.verdict.key.id);
  expect(text).toContain('2 more: postern blocks');
  expect(text.match(/met the rule/g)).toHaveLength(10);
});

it('prose stays within 78 columns, and continued lines are indented', () => {
  const long = {
    time: TIME,
    recipient: 'someone@example.org',
    reply: `550 5.1.1 ${'no such user here '.repeat(12).trim()}`,
    relay: 'mx.example.org',
  };
  const { text } = blockNotice(evidence({ sample: [long], lines: [] }), []);
  const lines = text.split('\n');
  expect(lines.filter((line) => line.length > 78)).toEqual([]);
  expect(lines.filter((line) => line.startsWith('      ')).length).toBeGreaterThan(1);
});

describe('in the style of a server', () => {
  const logins = new Map([['33', 'www-data']]);
  const style = buildStyle({ host: 'mx1.example.net', zone: 'Europe/Berlin', logins });
  const key = { type: 'uid', id: '33' } as const;
  const web = evidence({
    verdict: { ...evidence().verdict, key },
    outcomes: { invalid: 83, recipients: 110 },
  });

  it('names the server, the login of an account, local time beside UTC, and the share', () => {
    const { subject, text, html } = blockNotice(web, [], String, style);
    expect(subject).toBe(
      '[postern] mx1.example.net: uid:33 (www-data) blocked: invalid-recipients, 100 in 1h',
    );
    for (const part of [
      'Server: mx1.example.net',
      'uid:33 (www-data) met the rule',
      '2026-11-10 10:05:07+01:00 (09:05:07Z)',
      '83 of 110 recipients did not exist (75 %)',
    ]) {
      expect(text).toContain(part);
      expect(html).toContain(part);
    }
    expect(text).toContain('postern unblock uid:33\n');
  });

  it('names the server in every other notice, and nobody twice', () => {
    const capped = { key, rule: 'r', time: TIME };
    const other = { ...capped, rule: 's' };
    const released = [
      { key, rule: 'r' },
      { key, rule: 's' },
    ];
    const outage = { ...OUTAGE, provider: 'big.example', released };
    const notices = [
      digestNotice([{ evidence: web, measures: ['a', 'a'] }], [], String, style),
      cappedNotice([capped, capped, other], 10, style),
      outageNotice([outage as never], style),
    ];
    for (const { subject, text } of notices) {
      expect(subject).toMatch(/^\[postern\] mx1\.example\.net: /);
      expect(text).toMatch(/^Server: mx1\.example\.net\n/);
      const lines = text.split('\n').filter((line) => /^(?: {2}|uid)/.test(line));
      expect(lines).toEqual([...new Set(lines)]);
    }
    expect(notices[1]?.subject).toContain('1 not blocked');
    expect(notices[1]?.text).toContain('uid:33 (www-data): r, 2026-11-10 10:05:07+01:00');
  });
});
