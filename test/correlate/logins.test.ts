/** Wherever an event gets its user from, the login has its one form, and the spelling of the log stays known. */
import { expect, it } from 'vitest';
import { Interpreter } from '../../src/interpret/interpreter.ts';
import type { MailEvent, Mta } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';
import { buildCanonicalLogin, PLAIN_LOGINS } from '../../src/model/login.ts';

const canonical = buildCanonicalLogin({ ...PLAIN_LOGINS, defaultDomain: 'example.net' });

function submitters(mta: Mta, text: string): MailEvent['submitter'][] {
  const interpreter = new Interpreter({ mta, zone: 'UTC', canonicalLogin: canonical ?? String });
  const events: MailEvent[] = [];
  const lines = text
    .trim()
    .split('\n')
    .map((bytes, line) => ({ source: 'log', line, offset: line, bytes: bytes.trim() }));
  interpreter.feed(interpreter.openSource(Date.UTC(2026, 10, 20)), new Lines(lines), events);
  return events.map(({ submitter }) => submitter);
}

const ALICE = { type: 'user', id: 'alice@example.net', login: 'Alice' };
const REFUSAL =
  'NOQUEUE: reject: RCPT from c[203.0.113.9]: 550 5.1.1 <x@example.com>: Recipient address rejected: User unknown; from=<a@example.net> to=<x@example.com> proto=ESMTP helo=<h>';
const at = (second: number) => `2026-11-10T09:05:0${second}Z mx1 postfix/submission/smtpd[9]: `;

it('in the line of a rejection', () => {
  const text = `${at(1)}${REFUSAL} sasl_method=PLAIN sasl_username=Alice`;
  expect(submitters('postfix', text)).toEqual([ALICE]);
});

it('in the session of a rejection, before and after it', () => {
  const login = '3F000001: client=c[203.0.113.9], sasl_method=PLAIN, sasl_username=Alice';
  const text = `${at(1)}connect from c[203.0.113.9]\n${at(2)}${REFUSAL}\n${at(3)}${login}\n${at(4)}${REFUSAL.replaceAll('x@', 'y@')}`;
  const [first, ...others] = submitters('postfix', text);
  expect(first).toBeUndefined();
  expect(others).toEqual([ALICE, ALICE]);
});

it('in the line of an arrival', () => {
  const text =
    '2026-11-10 09:05:01 1wAbCd-000000001AB-2xYz <= a@example.net H=(h) [203.0.113.9] P=esmtpsa X=TLS1.3 A=plain:Alice S=900';
  expect(submitters('exim', text)).toEqual([ALICE]);
});

it('and a login that is in that form already stands alone', () => {
  const login = '3F000001: client=c[203.0.113.9], sasl_method=PLAIN, sasl_username=bob@example.net';
  expect(submitters('postfix', `${at(1)}${login}\n${at(2)}${REFUSAL}`)).toEqual([
    { type: 'user', id: 'bob@example.net' },
  ]);
});
