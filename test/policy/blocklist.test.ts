/** The answers of the service to each kind of request. */
import { describe, expect, it } from 'vitest';
import type { Block } from '../../src/model/block.ts';
import { Blocklist, type PolicyActions } from '../../src/policy/blocklist.ts';
import type { PolicyRequest } from '../../src/policy/request.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const HOLD = 'HOLD blocked by postern';
const REJECT = 'REJECT 5.7.1 Please call the help desk';
const ALL: PolicyActions = { user: HOLD, client: HOLD, sender: REJECT };

const BLOCKS: readonly (readonly [Block['key']['type'], string, end?: number])[] = [
  ['user', 'mallory@example.net'],
  ['user', 'jörg@example.net'],
  ['user', 'over@example.net', NOW],
  ['user', 'until@example.net', NOW + 1],
  ['user', 'j\ufffdrg@example.net'],
  ['client', '192.0.2.66'],
  ['client', '2001:db8::66'],
  ['client', '198.51.100.0/25'],
  ['client', '2001:db8:9::/64'],
  ['client', '198.51.101.0/24', NOW],
  ['sender', 'news@example.net'],
  ['uid', '33'],
];

const CASES: readonly [name: string, request: Partial<PolicyRequest>, answer: string][] = [
  ['nobody in particular', {}, 'DUNNO'],
  ['a blocked user', { user: 'mallory@example.net' }, HOLD],
  ['a blocked user in another case', { user: 'Mallory@EXAMPLE.net' }, HOLD],
  ['another user', { user: 'mallory2@example.net' }, 'DUNNO'],
  ['a user whose name only begins so', { user: 'mallory@example.net.example.org' }, 'DUNNO'],
  ['a user beyond ASCII', { user: 'JÖRG@example.net' }, HOLD],
  [
    'a user whose bytes are broken: it could be anybody',
    { user: 'j\ufffdrg@example.net' },
    'DUNNO',
  ],
  ['a block that is over', { user: 'over@example.net' }, 'DUNNO'],
  ['a block in its last millisecond', { user: 'until@example.net' }, HOLD],
  ['a blocked client', { client: '192.0.2.66' }, HOLD],
  ['a blocked IPv6 client in another spelling', { client: '2001:0DB8:0::66' }, HOLD],
  ['an IPv4-mapped client', { client: '::ffff:192.0.2.66' }, HOLD],
  ['a client in a blocked network', { client: '198.51.100.127' }, HOLD],
  ['a client beside it', { client: '198.51.100.128' }, 'DUNNO'],
  ['an IPv6 client in a blocked network', { client: '2001:db8:9:0:1::5' }, HOLD],
  ['an IPv6 client beside it', { client: '2001:db8:9:1::5' }, 'DUNNO'],
  ['a client in a network whose block is over', { client: '198.51.101.7' }, 'DUNNO'],
  ['a neighbour', { client: '192.0.2.6' }, 'DUNNO'],
  [
    'who authenticates at a blocked address',
    { user: 'bob@example.net', client: '192.0.2.66' },
    'DUNNO',
  ],
  ['a blocked sender', { sender: 'News@example.net' }, REJECT],
  [
    'a blocked sender of a blocked user: the refusal wins',
    { user: 'mallory@example.net', sender: 'news@example.net' },
    REJECT,
  ],
  ['a user named like a sender', { user: 'news@example.net' }, 'DUNNO'],
  ['a user named like a uid', { user: '33' }, 'DUNNO'],
  ['a user named like a client', { user: '192.0.2.66' }, 'DUNNO'],
  ['a client that is no address', { client: 'unknown' }, 'DUNNO'],
  ['at DATA', { state: 'DATA', user: 'mallory@example.net' }, HOLD],
  ['at the end of the message', { state: 'END-OF-MESSAGE', user: 'mallory@example.net' }, HOLD],
  ...['CONNECT', 'EHLO', 'HELO', 'MAIL', 'VRFY', 'ETRN', 'rcpt', '', '__proto__'].map(
    (state): [string, Partial<PolicyRequest>, string] => [
      `at ${state || 'no command'}`,
      { state, user: 'mallory@example.net', client: '192.0.2.66' },
      'DUNNO',
    ],
  ),
];

function blocklist(actions: PolicyActions): Blocklist {
  const list = new Blocklist(actions);
  list.replace(
    BLOCKS.map(([type, key, end], id) => ({
      id,
      key: { type, id: key },
      cause: 'manual',
      start: 0,
      ...(end === undefined ? {} : { end }),
    })),
  );
  return list;
}

const request = (some: Partial<PolicyRequest>): PolicyRequest => ({
  state: 'RCPT',
  user: '',
  client: '203.0.113.9',
  sender: 'x@example.net',
  recipient: 'y@example.org',
  instance: '1.2.3',
  ...some,
});

describe('the answer', () => {
  it.each(CASES)('for %s', (_, some, answer) => {
    expect(blocklist(ALL).answer(request(some), NOW)).toBe(answer);
  });

  it.each(CASES)('is DUNNO for %s when no map is in use', (_, some) => {
    expect(blocklist({}).answer(request(some), NOW)).toBe('DUNNO');
  });

  it('is that of the newest list', () => {
    const list = blocklist(ALL);
    list.replace([]);
    expect(list.answer(request({ user: 'mallory@example.net' }), NOW)).toBe('DUNNO');
  });
});
