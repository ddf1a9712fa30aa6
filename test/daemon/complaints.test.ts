/** What of a claim must agree with the log before it counts, and that nobody is framed with less. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Claim } from '../../src/complaint/claim.ts';
import { findMessage, keepComplaints } from '../../src/daemon/complaints.ts';
import { Interpreter } from '../../src/interpret/interpreter.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';
import { Store } from '../../src/store/store.ts';

const NINE = Date.UTC(2026, 10, 12, 9);
const NOW = NINE + 86_400_000;
const KIM = { type: 'user', id: 'kim@example.net' };

const POSTFIX = [
  'Nov 12 09:00:00 mx1 postfix/submission/smtpd[811]: 4F00000001: client=unknown[203.0.113.9], sasl_method=PLAIN, sasl_username=kim@example.net',
  'Nov 12 09:00:00 mx1 postfix/cleanup[815]: 4F00000001: message-id=<spam@example.net>',
  'Nov 12 09:00:00 mx1 postfix/qmgr[700]: 4F00000001: from=<kim@example.net>, size=900, nrcpt=2 (queue active)',
  'Nov 12 09:00:01 mx1 postfix/smtp[821]: 4F00000001: to=<user@example.com>, relay=mx.example.com[198.51.100.8]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok)',
  'Nov 12 09:00:01 mx1 postfix/smtp[821]: 4F00000001: to=<other@example.org>, relay=mx.example.org[198.51.100.9]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 Ok)',
  'Nov 12 09:10:00 mx1 postfix/smtpd[811]: 4F00000002: client=mx.example.edu[203.0.113.50]',
  'Nov 12 09:10:00 mx1 postfix/cleanup[815]: 4F00000002: message-id=<in@example.edu>',
  'Nov 12 09:10:00 mx1 postfix/qmgr[700]: 4F00000002: from=<x@example.edu>, size=900, nrcpt=1 (queue active)',
];
const EXIM = [
  '2026-11-12 09:00:00 1xUirY-00014N-13 <= kim@example.net H=(pc) [203.0.113.9] P=esmtpsa A=plain:kim@example.net S=812 id=spam@example.net',
  '2026-11-12 09:00:01 1xUirY-00014N-13 => user@example.com R=dnslookup T=remote_smtp H=mx.example.com [198.51.100.8] C="250 Ok"',
];

let store: Store;
beforeEach(() => {
  store = new Store(':memory:');
});
afterEach(() => store.close());

function load(lines: readonly string[]): void {
  const interpreter = new Interpreter({ zone: '+00:00' });
  const events: MailEvent[] = [];
  const read = lines.map((bytes, line) => ({
    source: 'log',
    line: line + 1,
    offset: 100 * line,
    bytes,
  }));
  interpreter.feed(interpreter.openSource(Date.UTC(2026, 10, 20)), new Lines(read), events);
  store.commit(() => store.events.insert(events));
}

const CLAIM: Claim = {
  messageId: 'spam@example.net',
  hops: [{ queueId: '4F00000001', time: NINE }],
  sender: 'Kim@example.net',
  recipients: ['user@EXAMPLE.com'],
};
const find = (more: Partial<Claim> = {}) => findMessage(store, { ...CLAIM, ...more }, NOW);

describe('a complaint', () => {
  it('belongs to the submitter of the message, and to the line that accepted it', () => {
    load(POSTFIX);
    expect(find()).toMatchObject({
      kind: 'complaint',
      time: NOW,
      queueId: '4F00000001',
      submitter: KIM,
      recipient: 'user@example.com',
      line: 3,
      direction: 'outbound',
    });
  });

  it('works for Exim', () => {
    load(EXIM);
    expect(find({ hops: [{ queueId: '1xUirY-00014N-13', time: NINE }] })).toMatchObject({
      kind: 'complaint',
      submitter: KIM,
    });
  });

  it('whose recipient is hidden names the first one', () => {
    load(POSTFIX);
    expect(find({ recipients: [] })).toMatchObject({ recipient: 'user@example.com' });
  });

  it('without a Received field is found by the Message-ID and the time of arrival', () => {
    load(POSTFIX);
    expect(find({ hops: [], arrival: NINE + 60_000 })).toMatchObject({ submitter: KIM });
    expect(find({ hops: [] })).toBe('no such message');
  });

  it('counts once for each message', () => {
    load(POSTFIX);
    const event = find() as MailEvent;
    store.commit(() => store.events.insert([event]));
    expect(find()).toBe('known already');
    expect(find({ recipients: ['other@example.org'] })).toBe('known already');
  });

  it('does not count for a Message-ID that several messages have', () => {
    load([
      ...POSTFIX,
      ...POSTFIX.slice(0, 5).map((line) =>
        line.replaceAll('4F00000001', '4F00000009').replaceAll('kim', 'lee'),
      ),
    ]);
    expect(find({ hops: [], arrival: NINE })).toBe('no such message');
    expect(find()).toMatchObject({ submitter: KIM });
  });
});

describe('nobody is framed by', () => {
  it.each<[string, Partial<Claim>, string]>([
    ['the queue ID alone', { messageId: 'other@example.net' }, 'no such message'],
    [
      'the Message-ID with a wrong queue ID',
      { hops: [{ queueId: '4F00000007', time: NINE }] },
      'no such message',
    ],
    [
      'another time',
      { hops: [{ queueId: '4F00000001', time: NINE + 7_200_000 }] },
      'no such message',
    ],
    ['another sender', { sender: 'bob@example.net' }, 'another sender'],
    [
      'somebody who did not get it',
      { recipients: ['spammer@example.com'] },
      'not delivered to this recipient',
    ],
    [
      'mail of a stranger',
      { messageId: 'in@example.edu', hops: [{ queueId: '4F00000002', time: NINE + 600_000 }] },
      'not sent by a submitter',
    ],
  ])('%s', (_name, more, why) => {
    load(POSTFIX);
    expect(find(more)).toBe(why);
  });
});

it('a folder that is missing stops nothing, and is logged', async () => {
  const ending = new AbortController();
  const warnings: unknown[] = [];
  const log = { info: () => {}, error: () => {}, warn: (about: unknown) => warnings.push(about) };
  const running = keepComplaints({
    folder: '/nonexistent/complaints',
    store,
    clock: { now: () => NOW },
    log: log as unknown as Parameters<typeof keepComplaints>[0]['log'],
    signal: ending.signal,
    add: async () => true,
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  ending.abort();
  await running;
  expect(warnings).toMatchObject([{ folder: '/nonexistent/complaints' }]);
});
