/** Names and DNS records, from a DNS server on loopback. */
import { afterEach, describe, expect, it } from 'vitest';
import { runChecks } from '../../src/audit/check.ts';
import { DNS_CHECKS } from '../../src/audit/dns/checks.ts';
import { gatherDns } from '../../src/audit/dns/facts.ts';
import type { MailIdentity } from '../../src/audit/dns/identity.ts';
import { serveZone, type ZoneServer } from '../support/dns-zone.ts';

const SOUND = `
mx.example.net A 192.0.2.25
mx.example.net AAAA 2001:db8::25
192.0.2.25 PTR mx.example.net
2001:db8::25 PTR mx.example.net
example.net MX 10 mx.example.net
example.net TXT v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all
_dmarc.example.net TXT v=DMARC1; p=reject
mail._domainkey.example.net TXT v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0B
`;
const SPF = /^example\.net TXT v=spf1.*$/m;

const evidence = { file: '/etc/postfix/main.cf', line: 3, text: 'myhostname = mx.example.net' };
const IDENTITY: MailIdentity = {
  helo: { name: 'mx.example.net', evidence },
  domains: ['example.net'],
  addresses: [],
  relayNetworks: [],
  hasSmarthost: false,
  keys: [
    {
      domain: 'example.net',
      selector: 'mail',
      evidence: { ...evidence, file: '/etc/opendkim.conf' },
    },
  ],
};

let server: ZoneServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function auditZone(zone: string, identity: Partial<MailIdentity> = {}) {
  server = await serveZone(zone);
  const notes = new Set<string>();
  const facts = await gatherDns({ ...IDENTITY, ...identity }, server.address, notes);
  const findings = facts === undefined ? [] : await runChecks('postfix', DNS_CHECKS, facts);
  return { findings, notes: [...notes] };
}

const withSpf = (record: string) => SOUND.replace(SPF, `example.net TXT ${record}`);
const without = (line: RegExp) => SOUND.replace(line, '');

describe('a sound domain', () => {
  it.each<[string, string, Partial<MailIdentity>]>([
    ['its own addresses', SOUND, {}],
    [
      'an include',
      `${withSpf('v=spf1 include:spf.example.org -all')}\nspf.example.org TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/48 -all`,
      {},
    ],
    [
      'a redirect',
      `${withSpf('v=spf1 redirect=spf.example.org')}\nspf.example.org TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/48 -all`,
      {},
    ],
    ['~all with an enforced DMARC policy', withSpf('v=spf1 a:mx.example.net ~all'), {}],
    ['mx, where the MX sends as well', withSpf('v=spf1 mx -all'), {}],
    [
      'DMARC of the domain above',
      SOUND.replaceAll(/^(example\.net|mail\._domainkey\.example\.net) /gm, (name) =>
        name.replace('example.net', 'sub.example.net'),
      ),
      { domains: ['sub.example.net'], keys: undefined },
    ],
    [
      'no MX, but an address',
      without(/^example\.net MX.*$/m).concat('example.net A 192.0.2.25\n'),
      {},
    ],
    [
      'a smarthost, whose names matter',
      `example.net MX 10 mx.example.net\nmx.example.net A 192.0.2.25\nexample.net TXT v=spf1 ip4:198.51.100.1 -all\n_dmarc.example.net TXT v=DMARC1; p=none`,
      { hasSmarthost: true, keys: undefined },
    ],
    [
      'another address that is configured',
      SOUND.replaceAll('192.0.2.25', '192.0.2.26'),
      { addresses: ['192.0.2.26'] },
    ],
  ])('%s: nothing is found', async (_name, zone, identity) => {
    expect(await auditZone(zone, identity)).toEqual({ findings: [], notes: [] });
  });
});

describe('a domain with a hole', () => {
  it.each<[string, string, Partial<MailIdentity>, string[]]>([
    ['no PTR', without(/^192\.0\.2\.25 PTR.*$/m), {}, ['warning ptr 192.0.2.25 PTR (none)']],
    [
      'a PTR that leads elsewhere',
      SOUND.replace('192.0.2.25 PTR mx.example.net', '192.0.2.25 PTR host7.provider.example'),
      {},
      ['warning ptr 192.0.2.25 PTR host7.provider.example, which does not lead back'],
    ],
    [
      'a short HELO name',
      SOUND,
      { helo: { name: 'mail', evidence }, addresses: ['192.0.2.25'] },
      ['warning helo-name myhostname = mx.example.net: mail has no address in the DNS'],
    ],
    [
      'a HELO name that does not exist',
      SOUND,
      { helo: { name: 'mx9.example.net', evidence }, addresses: ['192.0.2.25'] },
      ['warning helo-name myhostname = mx.example.net: mx9.example.net has no address in the DNS'],
    ],
    ['no SPF', without(SPF), {}, ['warning spf-missing example.net TXT (no v=spf1)']],
    [
      'two SPF records',
      `${SOUND}\nexample.net TXT v=spf1 -all`,
      {},
      [
        'warning spf-missing example.net TXT "v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all" and "v=spf1 -all"',
      ],
    ],
    ['+all', withSpf('v=spf1 +all'), {}, ['error spf-not-strict example.net TXT "v=spf1 +all"']],
    [
      '?all',
      withSpf('v=spf1 a:mx.example.net ?all'),
      {},
      ['warning spf-not-strict example.net TXT "v=spf1 a:mx.example.net ?all"'],
    ],
    [
      '~all without DMARC that is enforced',
      withSpf('v=spf1 a:mx.example.net ~all').replace('p=reject', 'p=none'),
      {},
      ['advice spf-not-strict example.net TXT "v=spf1 a:mx.example.net ~all"'],
    ],
    [
      'SPF without our IPv6 address',
      withSpf('v=spf1 ip4:192.0.2.25 -all'),
      {},
      [
        'error spf-excludes-us example.net TXT "v=spf1 ip4:192.0.2.25 -all" does not permit 2001:db8::25',
      ],
    ],
    [
      'a network of a provider',
      withSpf('v=spf1 ip4:192.0.0.0/10 ip6:2001:db8::25 -all'),
      {},
      ['warning spf-too-wide example.net TXT "v=spf1 ip4:192.0.0.0/10 ip6:2001:db8::25 -all"'],
    ],
    [
      'an MX that only receives',
      `${withSpf('v=spf1 mx a:mx.example.net -all')}\nexample.net MX 20 in.example.org\nin.example.org A 198.51.100.3`,
      {},
      ['advice spf-too-wide example.net TXT "v=spf1 mx a:mx.example.net -all", MX in.example.org'],
    ],
    [
      'a key that is not in the DNS',
      without(/^mail\._domainkey.*$/m),
      {},
      ['warning dkim-missing myhostname = mx.example.net: mail._domainkey.example.net TXT (none)'],
    ],
    [
      'a key that was withdrawn',
      SOUND.replace(/p=MII.*/, 'p='),
      {},
      [
        'warning dkim-missing myhostname = mx.example.net: mail._domainkey.example.net TXT v=DKIM1; k=rsa; p=',
      ],
    ],
    [
      'no signature',
      SOUND,
      { keys: [] },
      ['advice dkim-missing example.net: nothing in the configuration signs mail'],
    ],
    [
      'no DMARC',
      without(/^_dmarc.*$/m),
      {},
      ['advice dmarc-missing _dmarc.example.net TXT (none)'],
    ],
    [
      'an MX without an address',
      SOUND.replace('MX 10 mx.', 'MX 10 gone.'),
      {},
      ['error mx example.net MX gone.example.net: gone.example.net has no address'],
    ],
    [
      'one MX of two without an address',
      `${SOUND}\nexample.net MX 20 gone.example.net`,
      {},
      [
        'warning mx example.net MX mx.example.net, gone.example.net: gone.example.net has no address',
      ],
    ],
  ])('%s', async (_name, zone, identity, expected) => {
    const { findings, notes } = await auditZone(zone, identity);
    expect(
      findings.map(({ severity, id, evidence: { text } }) => `${severity} ${id} ${text}`),
    ).toEqual(expected);
    expect(notes).toEqual([]);
    for (const { fix } of findings) expect(fix).not.toBe('');
  });

  it('shows hidden characters of a record', async () => {
    const { findings } = await auditZone(withSpf('v=spf1 a:mx.example.net ?all\u001b[2J'));
    expect(findings.map(({ fix }) => fix).join()).not.toMatch(/\p{Cc}/u);
    expect(findings[0]?.evidence.text).toContain('\\u001b[2J');
  });

  it('proposes a record that is sound', async () => {
    const { findings } = await auditZone(without(SPF));
    await server?.close();
    const record = /"(v=spf1 .*)"/.exec(findings[0]?.fix ?? '')?.[1] as string;
    expect(record).toBe('v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 -all');
    expect((await auditZone(withSpf(record))).findings).toEqual([]);
  });
});

describe('what the DNS does not say', () => {
  it('is a note, and no finding', async () => {
    const { findings, notes } = await auditZone(`${SOUND}\nSERVFAIL example.net`);
    expect(findings).toEqual([]);
    expect(notes).toContain(
      'the DNS gives no answer for example.net TXT (ESERVFAIL), so it was not audited',
    );
  });

  it('is one note when no server answers', async () => {
    const gone = await serveZone('');
    await gone.close();
    const notes = new Set<string>();
    expect(await gatherDns(IDENTITY, gone.address, notes)).toBeUndefined();
    expect([...notes]).toEqual([
      'the DNS gives no answer (ECONNREFUSED): names and records were not audited; --offline leaves them out',
    ]);
  });
});
