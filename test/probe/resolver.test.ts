/** Which resolver is asked, and which ones are open to everybody. */
import { describe, expect, it } from 'vitest';
import { parseSubject } from '../../src/probe/query-name.ts';
import { namePublicResolvers, parseServer, Questions } from '../../src/probe/resolver.ts';

describe('parseServer', () => {
  it.each([
    ['192.0.2.53', '192.0.2.53:53'],
    ['192.0.2.53:5353', '192.0.2.53:5353'],
    ['2001:db8::53', '[2001:db8::53]:53'],
    ['[2001:db8::53]:5353', '[2001:db8::53]:5353'],
  ])('reads %s', (text, server) => {
    expect(parseServer(text)).toBe(server);
    expect(new Questions({ server }).servers).toHaveLength(1);
  });

  it.each([
    '',
    'resolver.example.net',
    '192.0.2',
    '192.0.2.53:0',
    '192.0.2.53:65536',
    '[192.0.2.53]',
  ])('refuses %j', (text) => expect(parseServer(text)).toBeUndefined());
});

it('names resolvers that are open to everybody', () => {
  expect(namePublicResolvers(['127.0.0.53', '8.8.8.8', '1.1.1.1:53', '[2620:fe::fe]:53'])).toEqual([
    'Google Public DNS (8.8.8.8)',
    'Cloudflare (1.1.1.1)',
    'Quad9 (2620:fe::fe)',
  ]);
});

describe('parseSubject', () => {
  it.each([
    ['192.0.2.7', { kind: 'ip4', subject: '192.0.2.7' }],
    ['::ffff:192.0.2.7', { kind: 'ip4', subject: '192.0.2.7' }],
    ['[2001:DB8:0::7]', { kind: 'ip6', subject: '2001:db8::7' }],
    ['Mail.Example.NET.', { kind: 'name', subject: 'mail.example.net' }],
  ])('reads %s', (text, expected) => expect(parseSubject(text)).toEqual(expected));

  it.each(['', 'localhost', '192.0.2', '192.0.2.0/24', 'a..example', 'a b.example', '-a.example'])(
    'refuses %j',
    (text) => expect(parseSubject(text)).toBeUndefined(),
  );
});
