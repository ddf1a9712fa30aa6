/**
 * Notices come to one of our users, and the same with the one thing that makes somebody guilty. Judged by the rules of
 * the package.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../src/interpret/interpreter.ts';
import { Judge } from '../../src/judge/judge.ts';
import { loadRules } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';

const RULES = loadRules(join(import.meta.dirname, '../../rules'));

/** One message, `at` seconds after nine. */
interface Mail {
  readonly at: number;
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
  readonly agent: 'smtp' | 'lmtp';
  readonly relay: string;
}

const login = 'pc.example.net[192.0.2.5], sasl_method=PLAIN, sasl_username=kim@example.net';
const SMARTHOST = 'smtp.provider.example[198.51.100.30]:587';
const BACK = 'bounces4.provider.example[198.51.100.99]';

const sent = (at: number, more: Partial<Mail> = {}): Mail => ({
  at,
  client: login,
  sender: 'kim@example.net',
  recipient: `r${at}@d${at % 9}.example.org`,
  agent: 'smtp',
  relay: SMARTHOST,
  ...more,
});
const notice = (at: number, more: Partial<Mail> = {}): Mail => ({
  at,
  client: BACK,
  sender: '',
  recipient: 'kim@example.net',
  agent: 'lmtp',
  relay: 'mx1[private/lmtp]',
  ...more,
});
const times = (count: number, make: (index: number) => Mail) =>
  Array.from({ length: count }, (_, index) => make(index));

function judge(mails: readonly Mail[]): string[] {
  const lines = mails
    .toSorted((a, b) => a.at - b.at)
    .flatMap(({ at, client, sender, recipient, agent, relay }, index) => {
      const time = new Date(Date.UTC(2026, 10, 12, 9) + 1000 * at).toISOString();
      const id = `4F${index.toString(16).toUpperCase().padStart(8, '0')}`;
      const head = (program: string) => `${time} mx1 postfix/${program}[3${index % 7}]: ${id}:`;
      return [
        `${head('smtpd')} client=${client}`,
        `${head('qmgr')} from=<${sender}>, size=1200, nrcpt=1 (queue active)`,
        `${head(agent)} to=<${recipient}>, relay=${relay}, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (250 2.0.0 Ok)`,
        `${head('qmgr')} removed`,
      ];
    });
  const interpreter = new Interpreter();
  const events: MailEvent[] = [];
  const read = lines.map((bytes, index) => ({ source: 'log', line: index + 1, offset: 0, bytes }));
  interpreter.feed(interpreter.openSource(Date.UTC(2026, 10, 20)), new Lines(read), events);
  const judged = new Judge(RULES, { allowed: () => false });
  const verdicts = events.flatMap((event) => judged.feed(event));
  return verdicts
    .filter(({ rule }) => rule !== 'recipients')
    .map(({ rule, key }) => `${rule} ${key.type} ${key.id}`);
}

const FORGED = ['forged-address recipient kim@example.net'];
const RETURNED = ['returned-mail user kim@example.net'];

describe('a newsletter through a smarthost', () => {
  it('with 4 % dead addresses is no sign of a theft', () => {
    const mails = times(1000, (n) => sent(2 * n));
    expect(judge([...mails, ...times(40, (n) => notice(300 + 40 * n))])).toEqual([]);
  });

  it('that is a bought list shows by what comes back', () => {
    const mails = times(1000, (n) => sent(2 * n));
    expect(judge([...mails, ...times(250, (n) => notice(300 + 7 * n))])).toEqual(RETURNED);
  });
});

describe('a flood of notices', () => {
  it('from places where the user sent nothing is about a forged address', () => {
    const flood = times(50, (n) =>
      notice(600 + n, { client: `mx.d${n}.example.edu[203.0.113.${n}]` }),
    );
    expect(judge([...times(200, (n) => sent(n)), ...flood])).toEqual(FORGED);
  });

  it('from a provider that the user wrote to does not exceed what was written', () => {
    expect(judge([...times(20, (n) => sent(n)), ...times(50, (n) => notice(600 + n))])).toEqual(
      FORGED,
    );
  });

  it('that follows mail of the user to the same places is the stolen account', () => {
    expect(judge([...times(200, (n) => sent(n)), ...times(50, (n) => notice(600 + n))])).toEqual(
      RETURNED,
    );
  });

  it('falls on the login that used the address, not on its owner', () => {
    const client = login.replace('kim@', 'lee@');
    const mails = [...times(200, (n) => sent(n, { client })), ...times(5, (n) => sent(300 + n))];
    expect(judge([...mails, ...times(50, (n) => notice(600 + n))])).toEqual([
      'returned-mail user lee@example.net',
    ]);
  });
});

describe('notices about mail to hosts that answer themselves', () => {
  const direct = (n: number) =>
    sent(n, {
      recipient: `r${n}@corp.example`,
      relay: 'corp-example.mail.outlook.example[198.51.100.40]:25',
    });

  it('belong to the user when they come from the domain or its provider', () => {
    const back = (n: number) =>
      notice(600 + n, {
        client: n % 2 ? 'a.out.outlook.example[192.0.2.81]' : 'mx.corp.example[192.0.2.82]',
      });
    expect(judge([...times(200, direct), ...times(50, back)])).toEqual(RETURNED);
  });
});
