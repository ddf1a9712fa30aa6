/**
 * Blocklists through the running service and `postern listings`: the mail about a listing, the report, and what the log
 * itself has of refusals because of our reputation, with those whose mail came before.
 */

import { existsSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { DEFAULT_CONFIG_FILE } from '../../src/config/load.ts';
import { type DnsServer, fromTable, type Reply, startDns } from '../support/dns.ts';
import { eventually, type Scratch, scratch } from './scratch.ts';

const open: { place?: Scratch; dns?: DnsServer } = {};
afterEach(async () => {
  await open.place?.remove();
  await open.dns?.close();
  delete open.place;
  delete open.dns;
});

const ZEN = 'zen.spamhaus.org';
const BACKSCATTERER = 'ips.backscatterer.org';
const LISTED: Readonly<Record<string, Reply>> = {
  [`2.0.0.127.${ZEN}`]: ['127.0.0.2', '127.0.0.4', '127.0.0.10'],
  [`7.2.0.192.${ZEN}`]: ['127.0.0.3'],
  [`2.0.0.127.${BACKSCATTERER}`]: ['127.0.0.2'],
};

async function setUp(listings: string | undefined, table = LISTED, mta?: 'exim'): Promise<Scratch> {
  const dns = await startDns(fromTable(table));
  open.dns = dns;
  const extra =
    listings === undefined
      ? ''
      : `listings: { resolver: '${dns.address}', names: [], ${listings} }\n`;
  const place = scratch({ extra, ...(mta === undefined ? {} : { mta }) });
  open.place = place;
  return place;
}

/** `postern listings` with the loopback resolver; `flat`: what it printed, each entry on one line. */
async function ask(at: Scratch, ...argv: string[]) {
  const ran = await at.run('listings', '--resolver', open.dns?.address ?? '', ...argv);
  return { ...ran, flat: ran.out.replace(/\n {4,}/g, ' ') };
}

describe('the service', () => {
  it('mails about a listing, reports it, and does not ask again after a restart', async () => {
    const at = await setUp(
      'addresses: [ 192.0.2.7, 192.0.2.8 ], lists: [ spamhaus-zen, backscatterer ]',
    );
    const service = at.start();
    expect(await eventually(() => at.mails().length === 1)).toBe(true);
    expect(at.mails()[0]).toContain('192.0.2.7 is listed by spamhaus-zen');
    expect(at.mails()[0]).toMatch(/https:\/\/check\.(?:=\r?\n)?spamhaus\.org\//);
    await service.stop();
    const asked = open.dns?.asked.length;
    expect(asked).toBe(8);
    const again = at.start();
    at.write('Nov 10 09:00:00 mx1 postfix/qmgr[1]: 4ABCDE: removed');
    expect(await eventually(() => at.withStore((store) => store.state.positions().size > 0))).toBe(
      true,
    );
    await again.stop();
    expect(open.dns?.asked.length).toBe(asked);
    const status = await at.run('status');
    expect(status.out).toMatch(/192\.0\.2\.7 is listed by spamhaus-zen since 20/);
    const { out } = await at.run('report');
    expect(out).toMatch(
      /This server on blocklists\n-+\nAddress .*\n192\.0\.2\.7 +spamhaus-zen .* lasts\n +CSS: spam/,
    );
    const { listings } = JSON.parse((await at.run('report', '--format', 'json')).out);
    expect(listings).toMatchObject([
      { address: '192.0.2.7', list: 'spamhaus-zen', codes: ['127.0.0.3'], cost: 'mail' },
    ]);
  });

  it('asks nobody without `listings` in the configuration', async () => {
    const at = await setUp(undefined);
    const service = at.start();
    at.write('Nov 10 09:00:00 mx1 postfix/qmgr[1]: 4ABCDE: removed');
    expect(await eventually(() => at.withStore((store) => store.state.positions().size > 0))).toBe(
      true,
    );
    await service.stop();
    expect(open.dns?.asked).toEqual([]);
  });
});

describe('postern listings', () => {
  it('prints each list and ends with 1 when one of them lists', async () => {
    const at = await setUp(undefined);
    const argv = ['--address', '192.0.2.7', '--address', '2001:db8::7'];
    const { status, out, flat } = await ask(at, ...argv);
    expect(status).toBe(1);
    expect(out).toContain('192.0.2.7 (--address)\n  listed  spamhaus-zen: CSS');
    expect(flat).toContain('consent (127.0.0.3) Removal: https://check.spamhaus.org/ shows the');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThan(79);
    expect(out).toContain('  clear   backscatterer\n');
    expect(out).toContain('  dead    psbl: the list is not believed');
    expect(flat).toContain(
      '  refused barracuda: it does not list its test entry 127.0.0.2: it answers only',
    );
    expect(out).toContain('2001:db8::7 (--address)\n  dead    spamhaus-zen');
    expect(out).toContain('Not asked, because they no longer work: sorbs, nixspam,');
  });

  it('prints JSON and ends with 0 when no list lists', async () => {
    const at = await setUp(undefined);
    const argv = ['--address', '192.0.2.9', '--list', 'backscatterer', '--format', 'json'];
    const { status, out } = await ask(at, ...argv);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toEqual({
      results: [
        {
          address: '192.0.2.9',
          list: 'backscatterer',
          state: 'clear',
          codes: [],
          meaning: 'not listed',
          removal: '',
          cost: 'bounces',
        },
      ],
      reputation: [],
    });
  });

  it('does not end with 1 for a whole network, and names a dead list when it is asked for', async () => {
    const at = await setUp(undefined, {
      '2.0.0.127.dnsbl-2.uceprotect.net': ['127.0.0.2'],
      '7.2.0.192.dnsbl-2.uceprotect.net': ['127.0.0.2'],
    });
    const argv = ['--address', '192.0.2.7', '--list', 'uceprotect-2', '--list', 'dnsbl.sorbs.net'];
    const { status, out } = await ask(at, ...argv);
    expect(status).toBe(0);
    expect(out).toContain('  listed  uceprotect-2: your provider');
    expect(out).toContain('For information only');
    expect(out).toContain('  dead    sorbs: SORBS was shut down in June 2024\n');
    expect(open.dns?.asked.filter((name) => name.includes('sorbs'))).toEqual([]);
  });

  it.each([
    [['--address', 'localhost'], '--address localhost: expected an IP address or a domain'],
    [['--list', 'nobody'], '--list nobody: expected spamhaus-zen,'],
    [['--resolver', 'dns.example.net'], '--resolver dns.example.net: expected an IP address'],
  ])('refuses %j with 2', async (argv, message) => {
    const at = await setUp(undefined);
    const { status, err } = await at.run('listings', ...argv);
    expect(status).toBe(2);
    expect(err).toContain(message);
  });

  it.skipIf(existsSync(DEFAULT_CONFIG_FILE))('needs no configuration with --address', async () => {
    await setUp(undefined);
    const out: string[] = [];
    const io = { stdout: (text: string) => void out.push(text), stderr: () => undefined };
    const argv = ['--resolver', open.dns?.address ?? '', '--address', '192.0.2.7'];
    expect(await main(['listings', ...argv], io)).toBe(1);
    expect(out.join('')).toContain('listed  spamhaus-zen');
  });

  it('asks about the configured addresses, and refuses a wrong key with 2', async () => {
    const at = await setUp('addresses: [ 192.0.2.7 ], lists: [ spamhaus-zen ], dqsKeyFile: key');
    const { status, err } = await at.run('listings');
    expect(status).toBe(2);
    expect(err).toContain('cannot read the key of the Data Query Service (ENOENT)');
    expect(open.dns?.asked).toEqual([]);
  });
});

const MINUTE = 60_000;
const stamp = (ago: number) => new Date(Date.now() - ago).toISOString();
let serial = 0xb000;

/** One message of `user` to a host of Microsoft's, with the outcome in Postfix's words. */
function postfixMail(user: string, ago: number, outcome: string, host: string): string[] {
  const id = `${(++serial).toString(16).toUpperCase()}ABCDE`;
  const at = `${stamp(ago)} mx1 postfix`;
  return [
    `${at}/submission/smtpd[811]: ${id}: client=pc.example.net[203.0.113.5], sasl_method=PLAIN, sasl_username=${user}`,
    `${at}/cleanup[815]: ${id}: message-id=<${serial}@example.net>`,
    `${at}/qmgr[700]: ${id}: from=<${user}>, size=1000, nrcpt=1 (queue active)`,
    `${at}/smtp[822]: ${id}: to=<r${serial}@example.org>, relay=${host}[198.51.100.9]:25, delay=1, delays=0/0/0/1, ${outcome.replaceAll('HOST', `${host}[198.51.100.9]`)}`,
    ...(outcome.includes('deferred') ? [] : [`${at}/qmgr[700]: ${id}: removed`]),
  ];
}

const SENT = 'dsn=2.0.0, status=sent (250 OK)';
const S3140 =
  "dsn=5.7.1, status=bounced (host HOST said: 550 5.7.1 Unfortunately, messages from [192.0.2.7] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140). (in reply to MAIL FROM command))";
const S3150_LATER =
  'dsn=4.7.650, status=deferred (host HOST said: 451 4.7.650 The mail server [192.0.2.7] has been temporarily rate limited due to IP reputation. (S3150) (in reply to MAIL FROM command))';
/** A stranger's mail that our own host behind the gateway refuses: it is the stranger who is listed. */
function fromStranger(ago: number): string[] {
  const id = `${(++serial).toString(16).toUpperCase()}ABCDE`;
  const at = `${stamp(ago)} mx1 postfix`;
  return [
    `${at}/smtpd[811]: ${id}: client=mx.stranger.example[198.51.100.66]`,
    `${at}/cleanup[815]: ${id}: message-id=<${serial}@stranger.example>`,
    `${at}/qmgr[700]: ${id}: from=<x@stranger.example>, size=1000, nrcpt=1 (queue active)`,
    `${at}/smtp[822]: ${id}: to=<bob@example.net>, relay=exchange.example.net[10.0.0.9]:25, delay=1, delays=0/0/0/1, dsn=5.7.1, status=bounced (host exchange.example.net[10.0.0.9] said: 554 5.7.1 Service unavailable; Client host [198.51.100.66] blocked using zen.spamhaus.org (in reply to RCPT TO command))`,
  ];
}

const MICROSOFT = 'example-org.mail.protection.outlook.com';

describe('refusals in the log', () => {
  it('are tied to those whose mail came before, with what is queued, until the provider takes mail again', async () => {
    const at = await setUp(undefined);
    const service = at.start();
    for (let n = 0; n < 12; n++)
      at.write(...postfixMail('alice@example.net', 90 * MINUTE, SENT, MICROSOFT));
    at.write(...postfixMail('bob@example.net', 80 * MINUTE, SENT, MICROSOFT));
    at.write(...postfixMail('carol@example.net', 80 * MINUTE, SENT, 'mx.elsewhere.example'));
    at.write(...postfixMail('bob@example.net', 60 * MINUTE, S3140, MICROSOFT));
    at.write(...fromStranger(60 * MINUTE));
    const deferred = postfixMail('carol@example.net', 50 * MINUTE, S3150_LATER, MICROSOFT);
    at.write(...deferred);
    const count = (kind: 'delivered' | 'deferred') =>
      at.withStore((store) => [...store.events.query({ kinds: [kind] })].length);
    expect(await eventually(() => count('deferred') === 1)).toBe(true);
    await service.stop();
    const id = / ([0-9A-F]+ABCDE):/.exec(deferred[0] as string)?.[1];
    const argv = ['--address', '192.0.2.9', '--list', 'backscatterer'];
    const { reputation } = JSON.parse((await ask(at, ...argv, '--format', 'json')).out);
    expect(reputation).toMatchObject([
      {
        provider: 'outlook.com',
        refusals: 2,
        named: ['Microsoft S3140', 'Microsoft S3150'],
        before: [
          { type: 'user', id: 'alice@example.net', recipients: 12, refused: 0 },
          { type: 'user', id: 'bob@example.net', recipients: 1, refused: 0 },
        ],
        queueIds: [id],
        addresses: ['192.0.2.7'],
      },
    ]);
    expect(reputation[0].ended).toBeUndefined();
    const { flat } = await ask(at, ...argv);
    expect(flat).toMatch(
      /Microsoft \(outlook\.com\) has refused us since .* \(2 times: Microsoft S3140, Microsoft S3150\); in the day before that alice@example\.net sent it 12, bob@example\.net 1\./,
    );
    expect(flat).toContain(`Still queued, to send again once it is over: ${id}\n`);
    expect((await at.run('report')).out).toMatch(
      /Who refuses this server because of its reputation\n/,
    );

    const again = at.start();
    at.write(...postfixMail('bob@example.net', MINUTE, SENT, MICROSOFT));
    expect(await eventually(() => count('delivered') === 15)).toBe(true);
    await again.stop();
    expect((await ask(at, ...argv)).flat).toMatch(
      /Microsoft \(outlook\.com\) refused us from .* to /,
    );
  });

  it('are found in the log of Exim', async () => {
    const at = await setUp(undefined, LISTED, 'exim');
    const service = at.start();
    const time = (ago: number) => stamp(ago).replace('T', ' ').slice(0, 19);
    at.write(
      `${time(9 * MINUTE)} +0000 1rAAAA-000001-AA <= alice@example.net H=pc.example.net [203.0.113.5] P=esmtpa A=plain:alice@example.net S=500 id=1@example.net`,
      `${time(9 * MINUTE)} +0000 1rAAAA-000001-AA => bob@example.org R=dnslookup T=remote_smtp H=mx-eu.mail.am0.yahoodns.net [198.51.100.9] C="250 ok"`,
      `${time(9 * MINUTE)} +0000 1rAAAA-000001-AA Completed`,
      `${time(8 * MINUTE)} +0000 1rAAAA-000002-AA <= alice@example.net H=pc.example.net [203.0.113.5] P=esmtpa A=plain:alice@example.net S=500 id=2@example.net`,
      `${time(8 * MINUTE)} +0000 1rAAAA-000002-AA == bob@example.org R=dnslookup T=remote_smtp defer (-45) H=mx-eu.mail.am0.yahoodns.net [198.51.100.9]: SMTP error from remote mail server after MAIL FROM:<alice@example.net> SIZE=1500: 421 4.7.0 [TSS04] Messages from 192.0.2.7 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1`,
    );
    const isRead = () =>
      at.withStore((store) => [...store.events.query({ kinds: ['deferred'] })].length === 1);
    expect(await eventually(isRead)).toBe(true);
    await service.stop();
    const argv = ['--address', '192.0.2.9', '--list', 'backscatterer', '--format', 'json'];
    expect(JSON.parse((await ask(at, ...argv)).out).reputation).toMatchObject([
      {
        provider: 'yahoodns.net',
        named: ['Yahoo TSS04'],
        before: [{ id: 'alice@example.net', recipients: 1 }],
        queueIds: ['1rAAAA-000002-AA'],
      },
    ]);
  });
});
