/** `A=driver:ID:SENDER` of arrivals: whose mail it is, by what the configuration of Exim says about its log. */
import { describe, expect, it } from 'vitest';
import { createEximParser } from '../../src/parse/exim/parser.ts';
import { buildCast, EXIM_PAYLOADS } from '../hostile/payloads.ts';
import { entry } from './exim-line.ts';

const MESSAGE = '1xUirY-00000001a2B-3c4D <= x@example.net H=(pc) [192.0.2.9] P=esmtpa';

/** `alice` by this line, `?alice:b` when it is not decided, undefined when nobody is named. */
function readLogin(line: string, logsMailAuth?: boolean): string | undefined {
  const record = createEximParser({ logsMailAuth }).parse(entry(line));
  if (record?.kind !== 'arrival') return undefined;
  expect(record.user === undefined || record.ambiguousLogin === undefined).toBe(true);
  return record.user ?? (record.ambiguousLogin && `?${record.ambiguousLogin}`);
}

describe('A=', () => {
  it.each([
    // value, without smtp_mailauth, with it, when that is not known
    ['plain:alice', 'alice', 'alice', 'alice'],
    ['plain:alice@example.net', 'alice@example.net', 'alice@example.net', 'alice@example.net'],
    ['plain:a:b', 'a:b', '?a:b', '?a:b'],
    ['plain:a:b@', 'a:b@', '?a:b@', '?a:b@'],
    ['plain:a:@b', 'a:@b', '?a:@b', '?a:@b'],
    ['plain:a:<>', 'a:<>', '?a:<>', '?a:<>'],
    ['plain:alice:bob@example.net', 'alice:bob@example.net', 'alice', '?alice:bob@example.net'],
    ['plain:a b:bob@example.net', 'a b:bob@example.net', 'a b', '?a b:bob@example.net'],
    ['plain:alice:bob@[192.0.2.1]', 'alice:bob@[192.0.2.1]', 'alice', '?alice:bob@[192.0.2.1]'],
    [
      'plain:alice:x bob@example.net',
      'alice:x bob@example.net',
      '?alice:x bob@example.net',
      '?alice:x bob@example.net',
    ],
    // Either a:b with AUTH=c@d, or a with AUTH=b:c@d, which Exim accepts.
    ['plain:a:b:c@example.net', 'a:b:c@example.net', '?a:b:c@example.net', '?a:b:c@example.net'],
    ['plain::c@example.net', ':c@example.net', '?:c@example.net', '?:c@example.net'],
    // A quote is part of the login, or of AUTH=.
    ['plain:q"uote', 'q"uote', '?q"uote', '?q"uote'],
    ['plain:"', '"', '?"', '?"'],
    ['plain:"a b"@example.net', '"a b"@example.net', '?"a b"@example.net', '?"a b"@example.net'],
    ['plain:a:"b"@c', 'a:"b"@c', '?a:"b"@c', '?a:"b"@c'],
    ['plain:a":b@c', 'a":b@c', '?a":b@c', '?a":b@c'],
  ])('%s', (value, off, on, unknown) => {
    const line = `${MESSAGE} A=${value} S=1000`;
    expect([readLogin(line, false), readLogin(line, true), readLogin(line)]).toEqual([
      off,
      on,
      unknown,
    ]);
  });

  it('is the same on a refusal, where no sender is printed', () => {
    const line = 'H=(pc) [192.0.2.9] F=<x@y> A=plain:a:b rejected RCPT <c@d>: Unrouteable address';
    for (const logsMailAuth of [true, false, undefined])
      expect(createEximParser({ logsMailAuth }).parse(entry(line))).toMatchObject({ user: 'a:b' });
  });
});

it('is not what the name of a certificate wrote in front of it', () => {
  const read = (name: string) =>
    readLogin(`${MESSAGE} X=TLS1.3:x:256 CV=no DN="/CN=${name}" A=plain:mallory S=1000`, false);
  for (const name of ['x" A=plain:victim', 'x" A=plain:victim" S=1', 'x" A=plain:"victim'])
    expect(read(name)).toBe('mallory');
});

describe('AUTH= of an attacker', () => {
  const cases = EXIM_PAYLOADS.map((payload, index) => {
    const cast = buildCast(index + 1, 'exim');
    return [`payload ${index + 1}`, cast, payload(cast).replaceAll('\n', '')] as const;
  });

  // Exim prints AUTH= as the client wrote it, so behind the login everything is possible.
  it.each(cases)('names nobody else, cut at every length: %s', (_name, cast, payload) => {
    const { user, victim } = cast;
    const start = `${MESSAGE} A=plain:${user}`;
    const found = new Set<string | undefined>();
    for (const auth of [payload, `${payload}@example.net`, `${payload} A=plain:${victim}`]) {
      const line = `${start}:${auth} S=1000`;
      for (let length = start.length; length <= line.length; length++)
        found.add(readLogin(line.slice(0, length), true));
    }
    const named = [...found].filter((login) => login !== undefined && !login.startsWith('?'));
    expect(named.filter((login) => login !== user)).toEqual([]);
  });
});

describe('what an identd answers', () => {
  const HOST = 'H=(pc) [192.0.2.9]';
  const TRUE = 'F=<x@example.net> A=plain:anna rejected RCPT <c@example.org>: Unrouteable address';

  it.each([
    `${MESSAGE.slice(0, 23)} <= x@example.net ${HOST} U=y A=login:victim P=esmtp S=1000`,
    `${MESSAGE.slice(0, 23)} <= x@example.net ${HOST} U=y A=login:victim P=esmtpa A=plain:anna S=1000`,
    `${MESSAGE.slice(0, 23)} <= x@example.net ${HOST} U=y Ci=5 A=login:victim K P=esmtp S=1000`,
    `${HOST} U=y F=<a@b.example> A=login:victim rejected MAIL <x@example.net>: no`,
    `${HOST} U=y F=<a@b.example> A=login:victim rejected EHLO or HELO pc: no`,
    `${HOST} U=y F=<a@b.example> A=login:victim dropped by AUTH: no`,
    `${HOST} U=y F=<a@b.example> A=login:victim ${TRUE}`,
    `${HOST} U=y F=<a@b.example> A=login:victim SPF=pass ${TRUE}`,
  ])('names nobody: %s', (line) => {
    const record = createEximParser().parse(entry(line));
    expect(JSON.stringify(record ?? null)).not.toMatch(/"user":"victim|"ambiguousLogin":"victim/);
  });

  it('leaves the user of an honest line', () => {
    const line = `${HOST} U=y ${TRUE}`;
    expect(createEximParser().parse(entry(line))).toMatchObject({ user: 'anna' });
  });
});
