/** The tables about notifications: from log lines to rows, and what does not count. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Interpreter } from '../../src/interpret/interpreter.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';
import { gatherReport } from '../../src/report/period.ts';
import { reportToText } from '../../src/report/text.ts';
import { Store } from '../../src/store/store.ts';

const SINCE = Date.UTC(2026, 10, 10);

function gather(...logs: readonly (readonly string[])[]) {
  const interpreter = new Interpreter({ zone: '+00:00' });
  const events: MailEvent[] = [];
  for (const [index, lines] of logs.entries()) {
    const source = `log${index}`;
    const log = interpreter.openSource(Date.UTC(2026, 10, 20));
    const read = lines.map((bytes, line) => ({ source, line: line + 1, offset: line, bytes }));
    interpreter.feed(log, new Lines(read), events);
  }
  const store = new Store(':memory:');
  try {
    store.commit(() => store.events.insert(events));
    return gatherReport(store, [], SINCE, SINCE + 86_400_000);
  } finally {
    store.close();
  }
}

const scenario = (name: string) =>
  readFileSync(`test/scenarios/${name}.log`, 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('#'));

it.each(['postfix/22-notices', 'exim/09-notices'])(
  '%s: the notice to a stranger has its cause',
  (name) => {
    const report = gather(scenario(name));
    const [notice] = report.backscatter.notices.filter(({ way }) => way === 'forward');
    expect(notice).toEqual({
      way: 'forward',
      about: 'failure',
      through: 'team@example.net',
      host: 'mx.example.org',
      reason: 'spam-or-content',
      count: 1,
      clients: 1,
      reply: '550 5.7.1 Message rejected as spam',
    });
    const text = reportToText(report);
    expect(text).toContain('filter before forwarding, or end the forward');
    expect(text).not.toContain('ghost@example.net');
  },
);

const reject = (second: number, what: string, more = '') =>
  `Nov 10 09:00:0${second} mx1 postfix/smtpd[811]: ${what}; from=<> ${more}proto=ESMTP helo=<mx.example.edu>`;
const FROM = 'from mx.example.edu[203.0.113.9]: ';

it('counts refused notifications of Postfix, by a milter or a restriction', () => {
  const { backscatter } = gather([
    reject(
      0,
      `4F00000001: milter-reject: DATA ${FROM}550 5.7.1 bogus notification`,
      'to=<alice@example.net> ',
    ),
    reject(
      1,
      `NOQUEUE: milter-reject: RCPT ${FROM}550 5.7.1 bogus notification`,
      'to=<bob@example.net> ',
    ),
    reject(
      2,
      `NOQUEUE: reject: RCPT ${FROM}554 5.7.1 <Bob@example.net>: Recipient address rejected: no`,
      'to=<Bob@example.net> ',
    ),
    // greylisted, unknown, and not a notification
    reject(
      3,
      `NOQUEUE: reject: RCPT ${FROM}450 4.2.0 <c@example.net>: Recipient address rejected: Greylisted`,
      'to=<c@example.net> ',
    ),
    reject(
      4,
      `NOQUEUE: reject: RCPT ${FROM}550 5.1.1 <d@example.net>: Recipient address rejected: User unknown in virtual mailbox table`,
      'to=<d@example.net> ',
    ),
    reject(5, `NOQUEUE: milter-reject: RCPT ${FROM}550 5.7.1 spam`, 'to=<e@example.net> ').replace(
      'from=<>',
      'from=<x@y.example>',
    ),
  ]);
  expect(backscatter.refused).toMatchObject([
    { address: '203.0.113.9', name: 'mx.example.edu', count: 3, recipients: 2 },
  ]);
});

it('counts refused notifications of Exim once, whether or not the reject log is read as well', () => {
  const lines = [
    '2026-11-10 09:00:00 H=mx.example.edu [203.0.113.9] F=<> rejected DATA: bogus notification',
    '2026-11-10 09:00:01 H=mx.example.edu [203.0.113.9] F=<> rejected RCPT <bob@example.net>: bogus notification',
    '2026-11-10 09:00:02 H=mx.example.edu [203.0.113.10] F=<> rejected DATA: bogus notification',
  ];
  const expected = [
    { address: '203.0.113.9', count: 2, recipients: 1 },
    { address: '203.0.113.10', count: 1, recipients: null },
  ];
  expect(gather(lines).backscatter.refused).toMatchObject(expected);
  expect(gather(lines, lines).backscatter.refused).toMatchObject(expected);
});
