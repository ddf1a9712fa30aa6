/** What a list says, asked of a DNS server on loopback; and what is never a listing. */
import { afterEach, describe, expect, it } from 'vitest';
import { HOUR } from '../../src/base/time.ts';
import { ListingProbe, pairUp } from '../../src/probe/listings.ts';
import { findList, parseLists } from '../../src/probe/lists.ts';
import { Questions } from '../../src/probe/resolver.ts';
import { type DnsServer, fromTable, type Reply, startDns } from '../support/dns.ts';

const open: DnsServer[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const LISTS = parseLists(
  `
- name: bl
  zone: bl.example.org
  kinds: [ip4, ip6, name]
  cost: mail
  about: A list.
  dqs: dq.example.org
  codes: { 127.0.0.2: spam, 127.0.0.10: a customer line }
  removal: Ask.
- name: registered
  zone: reg.example.org
  kinds: [ip4]
  cost: mail
  about: A list.
  register: https://reg.example.org/
  codes: {}
  removal: Ask.
- name: gone
  zone: gone.example.org
  kinds: [ip4]
  dead: 2020-01
  about: It has ended.
`,
  'lists.yaml',
);
const list = (name: string) => [findList(name, LISTS) as (typeof LISTS)[number]];

/** Answers of a list that works, and what it says of others. */
const working = (more: Readonly<Record<string, Reply>> = {}) =>
  fromTable({ '2.0.0.127.bl.example.org': ['127.0.0.2'], ...more });

async function ask(
  answer: (name: string) => Reply,
  subject = '192.0.2.7',
  lists = list('bl'),
  dqsKey?: string,
) {
  const server = await startDns(answer);
  open.push(server);
  const questions = new Questions({ server: server.address, timeout: 150 });
  const probe = new ListingProbe();
  const results = await probe.ask(pairUp([subject], lists), questions, { now: HOUR, dqsKey });
  return { result: results[0], asked: server.asked, probe, questions };
}

/** Asks the server on loopback, and says that it asked a public one. */
class PublicQuestions extends Questions {
  override get servers() {
    return ['8.8.8.8'];
  }
}

const NIBBLES_2 = '2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.bl.example.org';
const NIBBLES_7 = '7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.example.org';

describe('a list that works', () => {
  it.each<[string, Reply, object]>([
    [
      'lists',
      ['127.0.0.2'],
      { state: 'listed', codes: ['127.0.0.2'], meaning: 'spam', removal: 'Ask.' },
    ],
    [
      'lists with two codes',
      ['127.0.0.10', '127.0.0.2'],
      { state: 'listed', codes: ['127.0.0.2', '127.0.0.10'], meaning: 'spam; a customer line' },
    ],
    [
      'lists with a code that nobody knows',
      ['127.0.0.77'],
      { state: 'listed', meaning: '127.0.0.77, a code without a known meaning' },
    ],
    [
      'lists with very many codes',
      Array.from({ length: 99 }, (_, n) => `127.0.1.${n}`),
      { state: 'listed', codes: Array.from({ length: 20 }, (_, n) => `127.0.1.${n}`) },
    ],
    [
      'does not list',
      'nxdomain',
      { state: 'clear', codes: [], meaning: 'not listed', removal: '' },
    ],
    ['has other records only', [], { state: 'clear' }],
    [
      'answers in full by TCP only',
      { truncated: ['127.0.0.2', '127.0.0.10'] },
      { state: 'listed', codes: ['127.0.0.2', '127.0.0.10'] },
    ],
    [
      'fails',
      'servfail',
      { state: 'unknown', meaning: 'the resolver reports a failure (SERVFAIL)' },
    ],
    ['is refused by the resolver', 'refused', { state: 'unknown' }],
    ['is silent', 'silence', { state: 'unknown', meaning: 'the resolver does not answer in time' }],
    ['answers outside 127/8', ['203.0.113.9'], { state: 'unknown', codes: [], removal: '' }],
    [
      'answers with the code for public resolvers',
      ['127.255.255.254'],
      { state: 'refused', codes: ['127.255.255.254'], removal: '' },
    ],
    ['answers with the address of this host', ['127.0.0.1'], { state: 'refused' }],
    [
      'answers with the code for too many questions beside a listing',
      ['127.0.0.2', '127.255.255.255'],
      { state: 'refused', codes: ['127.255.255.255'] },
    ],
  ])('%s', async (_name, reply, expected) => {
    const { result } = await ask(working({ '7.2.0.192.bl.example.org': reply }));
    expect(result).toMatchObject({ address: '192.0.2.7', list: 'bl', cost: 'mail', ...expected });
  });

  it('is asked for IPv6 by nibbles', async () => {
    const answer = fromTable({ [NIBBLES_2]: ['127.0.0.2'], [NIBBLES_7]: ['127.0.0.10'] });
    expect((await ask(answer, '2001:db8::7')).result).toMatchObject({
      address: '2001:db8::7',
      state: 'listed',
      codes: ['127.0.0.10'],
    });
  });

  it('is asked for a name as it is', async () => {
    const answer = fromTable({
      'test.bl.example.org': ['127.0.0.2'],
      'mail.example.net.bl.example.org': ['127.0.0.2'],
    });
    const { result, asked } = await ask(answer, 'mail.example.net');
    expect(result).toMatchObject({ address: 'mail.example.net', state: 'listed' });
    expect(asked).toContain('invalid.bl.example.org');
  });

  it('is asked with the key of the Data Query Service, which no text shows', async () => {
    const answer = fromTable({
      '2.0.0.127.secretkey.dq.example.org': ['127.0.0.2'],
      '7.2.0.192.secretkey.dq.example.org': 'servfail',
    });
    const { result, asked } = await ask(answer, '192.0.2.7', list('bl'), 'secretkey');
    expect(result).toMatchObject({ state: 'unknown' });
    expect(asked.every((name) => name.endsWith('.secretkey.dq.example.org'))).toBe(true);
    expect(JSON.stringify(result)).not.toContain('secretkey');
  });

  it('is tested once an hour, and asked one question for each address', async () => {
    const { asked, probe, questions } = await ask(working());
    const names = ['1.0.0.127', '2.0.0.127', '7.2.0.192'].map((name) => `${name}.bl.example.org`);
    expect([...asked].sort()).toEqual(names);
    const pairs = pairUp(['192.0.2.8', '192.0.2.8'], list('bl'));
    await probe.ask(pairs, questions, { now: 2 * HOUR - 1 });
    expect(asked.slice(3)).toEqual(['8.2.0.192.bl.example.org']);
    await probe.ask(pairs, questions, { now: 2 * HOUR });
    expect(asked).toHaveLength(7);
  });
});

describe('a list that is not believed', () => {
  it.each<[string, (name: string) => Reply, object]>([
    [
      'is gone',
      () => 'nxdomain',
      {
        state: 'dead',
        meaning: 'the list is not believed: it does not list its test entry 127.0.0.2',
      },
    ],
    ['was sold, and its new owner answers everything', () => ['203.0.113.9'], { state: 'dead' }],
    ['lists the world', () => ['127.0.0.2'], { state: 'dead', codes: ['127.0.0.2'], removal: '' }],
    ['is silent', () => 'silence', { state: 'unknown' }],
    ['fails', () => 'servfail', { state: 'unknown' }],
    ['refuses the resolver', () => ['127.255.255.254'], { state: 'refused' }],
    [
      'fails for the entry that must be clear',
      working({
        '1.0.0.127.bl.example.org': 'servfail',
        '7.2.0.192.bl.example.org': ['127.0.0.2'],
      }),
      { state: 'unknown' },
    ],
  ])('%s', async (_name, answer, expected) => {
    const { result, asked } = await ask(answer);
    expect(result).toMatchObject(expected);
    expect(asked).not.toContain('7.2.0.192.bl.example.org');
  });

  it('serves registered resolvers only', async () => {
    expect((await ask(() => 'nxdomain', '192.0.2.7', list('registered'))).result).toMatchObject({
      state: 'refused',
      meaning:
        'it does not list its test entry 127.0.0.2: it answers only resolvers whose address is registered, see https://reg.example.org/',
    });
  });

  it.each([
    [
      'an error code',
      ['127.255.255.254'],
      'the list refuses questions through a public resolver: Google Public DNS (8.8.8.8)',
    ],
    [
      'nothing',
      'nxdomain',
      'it does not list its test entry 127.0.0.2: it gives no data to the public resolver Google Public DNS (8.8.8.8)',
    ],
  ] as const)(
    'names the public resolver that it answers with %s',
    async (_name, reply, meaning) => {
      const server = await startDns(() => reply);
      open.push(server);
      const questions = new PublicQuestions({ server: server.address });
      const pairs = pairUp(['192.0.2.7'], [findList('spamhaus-zen') as (typeof LISTS)[number]]);
      const [result] = await new ListingProbe().ask(pairs, questions, { now: HOUR });
      expect(result).toMatchObject({ state: 'refused', meaning });
    },
  );

  it('is known to be dead: it is not asked at all', async () => {
    const { result, asked } = await ask(() => ['127.0.0.2'], '192.0.2.7', list('gone'));
    expect(result).toMatchObject({ state: 'dead', codes: [], meaning: 'It has ended' });
    expect(asked).toEqual([]);
  });

  it('is not asked for a kind that it does not have', () => {
    expect(pairUp(['mail.example.net', '2001:db8::7'], list('registered'))).toEqual([]);
  });
});
