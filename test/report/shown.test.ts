/** The same report as text, HTML and JSON: complete, a share in percent, and what strangers wrote is harmless. */
import { describe, expect, it } from 'vitest';
import { reportToHtml } from '../../src/report/html.ts';
import { reportToJson } from '../../src/report/json.ts';
import type { Report } from '../../src/report/period.ts';
import { reportToText } from '../../src/report/text.ts';

const TIME = Date.parse('2026-11-10T09:05:07Z');
const HOUR = 3_600_000;

const TAG = /<[^>]*>/g;
/** A longer name may be broken. */
const listTags = (page: string) => page.replaceAll('<td class="long">', '<td>').match(TAG);

const NO_FIGURES: Report['figures'] = {
  accepted: 0,
  recipients: 0,
  bytes: 0,
  delivered: 0,
  deferred: 0,
  bounced: 0,
  expired: 0,
  rejected: 0,
  authFailed: 0,
  invalid: 0,
  dsnsSent: 0,
};

const EMPTY: Report = {
  since: TIME,
  until: TIME + HOUR,
  figures: NO_FIGURES,
  course: { since: TIME, step: 5 * 60_000, mail: [], refusals: [], outside: [] },
  senders: [],
  providers: [],
  deferrals: [],
  kinds: [],
  reasons: [],
  blocks: [],
  verdicts: [],
  lasting: [],
  near: [],
  submitters: [],
  refusers: [],
  ownMailboxes: [],
  attackers: [],
  dsnsSent: 0,
  backscatter: { notices: [], forged: [], returned: [], refused: [], complaints: [] },
  outages: [],
  listings: [],
  reputation: [],
  formatValue: (value, rule) => (rule === 'invalid-share' ? `${value} %` : `${value}`),
};

function block(id: string, more: Partial<Report['blocks'][number]> = {}) {
  return { id: 3, key: { type: 'user', id }, cause: 'manual', start: TIME, ...more } as const;
}

function full(name: string): Report {
  const key = { type: 'user', id: name } as const;
  const verdict = {
    rule: 'invalid-share',
    action: 'block',
    key,
    time: TIME,
    source: 'mail.log',
    line: 1,
    offset: 0,
    count: 93.7,
    limit: 25,
    period: HOUR,
  } as const;
  return {
    ...EMPTY,
    kinds: [{ kind: 'bounced', count: 12 }],
    reasons: [{ reason: 'invalid-recipient', count: 11 }],
    blocks: [block(name, { note: name, released: TIME + 60_000, releasedBy: 'expiry' })],
    verdicts: [
      { verdict, outcome: 'capped' },
      { verdict: { ...verdict, count: 50 }, outcome: 'capped' },
    ] as unknown as Report['verdicts'],
    near: [{ rule: 'invalid-recipients', key, highest: 61, limit: 100, time: TIME }],
    submitters: [{ type: 'user', id: name, invalid: 7, recipients: 9, clients: 2 }],
    senders: [{ type: 'user', id: name, messages: 3, recipients: 9, bytes: 1000 }],
    providers: [{ provider: name, delivered: 1, deferred: 2, refused: 3 }],
    deferrals: [{ host: name, reason: 'mailbox-full', recipients: 2, attempts: 8, reply: name }],
    course: {
      ...EMPTY.course,
      mail: [{ name: 'delivered', values: [1, 2] }],
      refusals: [
        { name, values: [0, 2] },
        { name: 'others', values: [1, 0] },
      ],
    },
    service: {
      running: true,
      mode: 'enforce',
      logs: [{ path: name, state: 'MISSING' }],
      noticesWaiting: 0,
      databaseSize: 1e6,
      problems: [name],
      milter: { running: true, figures: [{ name, value: 4 }] },
    },
    refusers: [{ host: name, reason: 'invalid-recipient', count: 5, reply: name }],
    attackers: [{ address: '203.0.113.9', name, invalid: 1, auth: 2, rejected: 3 }],
    outages: [
      { provider: name, began: TIME, since: TIME, refused: 4, active: 5, usual: 1, released: [] },
    ],
  };
}

describe('a block in the text', () => {
  it.each([
    [
      'bob@example.net',
      {},
      [
        'Number  Who              Cause   Began              Ended',
        '     3  bob@example.net  manual  2026-11-10 09:05Z  runs',
      ],
    ],
    [
      '192.0.2.9',
      { released: TIME + HOUR, releasedBy: 'operator' },
      [
        'Number  Who        Cause   Began              Ended',
        '     3  192.0.2.9  manual  2026-11-10 09:05Z  2026-11-10 10:05Z: postern unblock',
      ],
    ],
    [
      'alice@mail.example.net',
      { cause: 'invalid-recipients', released: TIME + HOUR, releasedBy: 'file', note: 'mistake' },
      [
        'Number  Who                     Cause               Began              Ended',
        '      Note',
        '     3  alice@mail.example.net  invalid-recipients  2026-11-10 09:05Z',
        '      2026-11-10 10:05Z: its line was deleted by hand  mistake',
      ],
    ],
  ] as const)('%s %j', (id, more, lines) => {
    const key = /^\d/.test(id) ? ({ type: 'client', id } as const) : { type: 'user', id };
    const one = { ...block(id, more), key } as Report['blocks'][number];
    expect(reportToText({ ...EMPTY, blocks: [one] })).toContain(
      `Blocks\n------\n${lines.join('\n')}\n\n`,
    );
  });
});

it('cuts a cell that is longer than a line, and none of those after it', () => {
  const text = reportToText({ ...EMPTY, blocks: [block(`${'x'.repeat(300)}@example.net`)] });
  const [row, ...rest] = text.split('Ended\n')[1]?.split('\n') ?? [];
  expect(row).toBe('     3');
  expect(rest.slice(0, 2)).toEqual([
    `      ${'x'.repeat(71)}...`,
    '      manual  2026-11-10 09:05Z  runs',
  ]);
});

it('cuts no problem of the service', () => {
  const problem = `cap reached (caps.blocksPerHour: 2), NOT blocked: uid:33; look at each with postern explain, then postern block, or raise the cap and restart`;
  const service = {
    running: false,
    mode: 'enforce',
    logs: [],
    noticesWaiting: 0,
    databaseSize: 0,
    problems: [problem],
  };
  const lines = reportToText({ ...EMPTY, service }).split('\n');
  const at = lines.findIndex((line) => line.startsWith('Problem'));
  const shown = lines.slice(at + 1, lines.indexOf('', at)).map((line) => line.trim());
  expect(shown.join(' ')).toBe(problem);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
});

describe('a share is in percent, a number is not', () => {
  it('in the text', () => {
    const text = reportToText(full('bob@example.net'));
    expect(text).toMatch(
      /^bob@example\.net {2}invalid-share {2}93\.7 % {3}25 % {3}capped {7}2 {2}1h$/m,
    );
    expect(text).toMatch(
      /^bob@example\.net {2}invalid-recipients {2}61 {7}100 {4}2026-11-10 09:05Z$/m,
    );
  });

  it('in HTML', () => {
    const html = reportToHtml(full('bob@example.net'));
    expect(html).toContain('<td>93.7 %</td><td>25 %</td><td>capped</td>');
    expect(html).toContain('<td>61</td><td>100</td>');
  });

  it('in JSON as numbers', () => {
    expect(reportToJson(full('bob@example.net'))).toMatchObject({
      verdicts: [{ count: 93.7, limit: 25, outcome: 'capped' }, { count: 50 }],
    });
    expect(reportToJson(EMPTY)).not.toHaveProperty('formatValue');
  });
});

describe('as HTML', () => {
  it.each([
    'Postern report, 2026-11-10 09:05Z to 2026-11-10 10:05Z',
    '<td>bounced</td><td class="number">12</td>',
    '<td>invalid-recipient</td><td class="number">11</td>',
    '<td class="number">3</td><td>bob@example.net</td><td>manual</td><td>2026-11-10 09:05Z</td><td class="long">2026-11-10 09:06Z: its time was over</td>',
    '<td class="number">7</td><td class="number">9</td><td>78 %</td><td class="number">2</td>',
    '<td>203.0.113.9</td>',
    '<td>4 of 5 submitters</td>',
  ])('tells %s', (part) => {
    expect(reportToHtml(full('bob@example.net'))).toContain(part);
  });

  it('says so when a table is empty', () => {
    const html = reportToHtml(EMPTY);
    for (const text of ['No mail was seen.', 'None.', 'Nobody.', 'Nothing.'])
      expect(html).toContain(`<p>${text}</p>`);
  });

  it('needs nothing from elsewhere, and allows only its own style and script', () => {
    const html = reportToHtml(full('bob@example.net'));
    expect(html).toMatch(/^<!DOCTYPE html>\n<html lang="en">/);
    expect(html).toMatch(
      /content="default-src 'none'; style-src 'sha256-[^ ']+'; script-src 'sha256-[^ ']+'; base-uri/,
    );
    expect(html).not.toMatch(/<img|<link|<iframe|src=|href=|url\(|@import|\sstyle=|\son\w+=/i);
    expect(html.match(/<script/g)).toHaveLength(1);
  });

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</td></table><h1>x',
    '<!-- x',
    'a\u001b[2J\u202e\r\nb',
    ']]>\u0000\u2028',
  ])('escapes %j in every place', (name) => {
    const plain = reportToHtml(full('name'));
    const html = reportToHtml(full(name));
    // The same tags in the same order, whatever the values are.
    expect(listTags(html)).toEqual(listTags(plain));
    expect(html).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f\u2028\u202a-\u202e]/);
    expect(html.split('\n')).toHaveLength(plain.split('\n').length);
  });

  it('an ampersand is escaped', () => {
    expect(reportToHtml(full('&lt;b&gt;'))).not.toContain('&lt;b');
  });
});

describe('more blocks than anybody reads', () => {
  const blocks = Array.from({ length: 501 }, (_, at) => block(`user${at}@example.net`));

  it('are the newest 500 in text and HTML, and all in JSON', () => {
    const text = reportToText({ ...EMPTY, blocks });
    expect(text).toContain('Blocks: the newest 500 of 501');
    expect(text).not.toContain('user0@example.net');
    expect(text).toContain('user500@example.net');
    expect(reportToHtml({ ...EMPTY, blocks })).not.toContain('user0@example.net');
    expect(JSON.stringify(reportToJson({ ...EMPTY, blocks }))).toContain('user0@example.net');
  });
});
