/**
 * The hardening of a lax Postfix: first the printed commands of a rehearsal, then those that enforce it, on the real
 * server. Strangers are made with XCLIENT, and their names come from a DNS server on loopback.
 */
import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveZone, type ZoneServer } from '../support/dns-zone.ts';
import { until } from '../support/folder.ts';
import { hasPostfix, type PostfixServer, startPostfix } from '../support/postfix.ts';
import { canChooseResolver, freePorts, run } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { type ConnectOptions, SmtpClient, sendMail } from '../support/smtp-client.ts';
import { countLines, postern, storeLog } from './rehearsal.ts';

const RESOLVER = '127.0.0.153';
const ZONE = `
mx.sound.example A 203.0.113.5
sound.example MX 10 mx.sound.example
pc.customer.example A 203.0.113.6
66.113.0.203.zen.spamhaus.org A 127.0.0.2
67.113.0.203.zen.spamhaus.org A 127.255.255.254
spam.example MX 10 mx.sound.example
spam.example.dbl.spamhaus.org A 127.0.1.2
`;

interface Stranger {
  readonly address: string;
  /** reverse name; undefined: it has none */
  readonly name?: string;
  readonly helo: string;
  readonly sender: string;
}
const SOUND: Stranger = {
  address: '203.0.113.5',
  name: 'mx.sound.example',
  helo: 'mx.sound.example',
  sender: 'anna@sound.example',
};

/** What each restriction is for, with the code that it answers. */
const BAD: readonly (readonly [restriction: string, code: number, stranger: Stranger])[] = [
  ['reject_non_fqdn_sender', 504, { ...SOUND, sender: 'anna@sound' }],
  ['reject_invalid_helo_hostname', 501, { ...SOUND, helo: 'mx..sound.example' }],
  ['reject_non_fqdn_helo_hostname', 504, { ...SOUND, helo: 'PC' }],
  ['reject_unknown_sender_domain', 450, { ...SOUND, sender: 'anna@gone.example' }],
  [
    'reject_unknown_reverse_client_hostname',
    450,
    { address: SOUND.address, helo: SOUND.helo, sender: SOUND.sender },
  ],
  ['reject_unknown_helo_hostname', 450, { ...SOUND, helo: 'gone.example' }],
  ['reject_rbl_client zen.spamhaus.org', 554, { ...SOUND, address: '203.0.113.66' }],
  ['reject_rhsbl_sender dbl.spamhaus.org', 554, { ...SOUND, sender: 'anna@spam.example' }],
];

describe.runIf(hasPostfix() && canChooseResolver())('the hardening of Postfix', () => {
  let zone: ZoneServer;
  let sink: Sink;
  let server: PostfixServer;
  let port: number;
  let yaml: string;

  beforeAll(async () => {
    zone = await serveZone(ZONE, RESOLVER);
    sink = await startSink();
    [port] = (await freePorts(1)) as [number];
    server = await startPostfix({
      sinkPort: sink.port,
      resolver: RESOLVER,
      // A service on 127.0.0.1 is for no stranger, so the audit does not look at it.
      masterCf: `0.0.0.0:${port} inet n - n - - smtpd`,
      mainCf: `smtpd_reject_unlisted_recipient = yes
smtpd_recipient_restrictions = check_recipient_access inline:{ {closed@example.net=REJECT} }, reject_non_fqdn_recipient, permit_mynetworks
smtpd_data_restrictions = permit`,
    });
    yaml = server.folder.write(
      'postern.yaml',
      `mta: postfix\nlogs: [ ${server.logFile} ]\ndatabase: ${server.folder.at('postern.db')}\n`,
    );
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
    await zone?.close();
  });

  /** Runs what was printed as a shell does, on this Postfix. */
  async function apply(script: string): Promise<void> {
    const folder = server.configuration;
    const here = `postconf() { /usr/sbin/postconf -c ${folder} "$@"; }\npostfix() { :; }\n`;
    await run(['/bin/sh', '-e'], here + script);
    // Postfix reads a file again and again that was written within the last second.
    for (const name of ['main.cf', 'master.cf'])
      utimesSync(join(folder, name), Date.now() / 1000 - 60, Date.now() / 1000 - 60);
    await server.reload();
  }

  const connection = ({ address, name, helo }: Stranger): ConnectOptions => ({
    port,
    helo,
    xclient: `ADDR=${address} NAME=${name ?? '[UNAVAILABLE]'} REVERSE_NAME=${name ?? '[UNAVAILABLE]'}`,
  });

  /** The code of the answer to RCPT, and to the message if the recipient was taken. */
  async function mail(stranger: Stranger, to = 'bob@example.net'): Promise<number[]> {
    const replies = await sendMail(connection(stranger), {
      sender: stranger.sender,
      recipients: [to],
    });
    return [...replies.recipients, ...(replies.data ? [replies.data] : [])].map(({ code }) => code);
  }

  /** Mail that must go through, whatever the restrictions: of a stranger, a relay client, a user. */
  async function expectSoundMail(): Promise<void> {
    expect(await mail(SOUND)).toEqual([250, 250]);
    // An error code of the list is not a listing.
    expect(await mail({ ...SOUND, address: '203.0.113.67' })).toEqual([250, 250]);
    const relay = { port, localAddress: '127.0.0.2', helo: 'PRINTER' };
    const user = {
      port: server.submissionPort,
      helo: 'LAPTOP',
      auth: { user: 'alice@example.net', password: 'secret' },
    };
    for (const options of [relay, user]) {
      const replies = await sendMail(options, {
        sender: 'alice@example.net',
        recipients: ['carol@elsewhere.example'],
      });
      expect(replies.data?.code).toBe(250);
    }
  }

  it('is rehearsed: everything goes through, and the log is counted', async () => {
    const printed = await postern({ postfix: server.configuration, harden: true, rehearse: true });
    expect(printed.status).toBe(0);
    await apply(printed.stdout);
    const now = await run(['postconf', '-c', server.configuration, 'smtpd_recipient_restrictions']);
    expect(now).toContain(
      'check_recipient_access inline:{ {closed@example.net=REJECT} }, reject_non_fqdn_recipient, permit_mynetworks, warn_if_reject reject_non_fqdn_sender, warn_if_reject',
    );
    await expectSoundMail();
    for (const [, , stranger] of BAD) expect(await mail(stranger)).toEqual([250, 250]);
    expect(await mail(SOUND, 'closed@example.net')).toEqual([554]);
    const bounce = await SmtpClient.open(connection(SOUND));
    const codes = await bounce.send({ sender: '', recipients: ['a@example.net', 'b@example.net'] });
    await bounce.quit();
    expect(codes.data?.code).toBe(250);
    await sink.messageTo('b@example.net');
    await server.logged(/to=<b@example\.net>.*status=sent/);

    // Rehearsing twice adds nothing.
    const again = await postern({ postfix: server.configuration, harden: true, rehearse: true });
    expect(again.stdout).toContain('Nothing to change');
  });

  it('shows what would have been refused, and whose mail was answered', async () => {
    // anna@gone.example was answered: her domain is only missing in the DNS.
    const { data } = await sendMail(
      { port: server.submissionPort, auth: { user: 'alice@example.net', password: 'secret' } },
      { sender: 'bob@example.net', recipients: ['anna@gone.example'] },
    );
    expect(data?.code).toBe(250);
    await server.logged(/to=<anna@gone\.example>.*status=sent/);
    await storeLog(yaml, server.logFile);

    const { status, stdout } = await postern({ config: yaml, rehearsal: true, format: 'json' });
    expect(status).toBe(1);
    const { restrictions, refusals } = JSON.parse(stdout);
    expect(refusals).toBe(countLines(server.logFile, /: reject_warning: /));
    expect(refusals).toBe(countLines(server.logFile, /reject_warning/));
    const found = new Map<string, number>(
      restrictions.map((each: { restriction: string; refusals: number }) => [
        each.restriction,
        each.refusals,
      ]),
    );
    // Counted with the words of the log, one pattern for each.
    const count = (words: string) =>
      countLines(server.logFile, new RegExp(`reject_warning: (?:RCPT|DATA) from .*${words}`));
    expect(Object.fromEntries(found)).toEqual({
      reject_non_fqdn_sender: count('Sender address rejected: need fully-qualified address'),
      reject_invalid_helo_hostname: count('Helo command rejected: Invalid name'),
      reject_non_fqdn_helo_hostname: count('Helo command rejected: need fully-qualified hostname'),
      reject_unknown_sender_domain: count('Sender address rejected: Domain not found'),
      reject_unknown_reverse_client_hostname: count('cannot find your reverse hostname'),
      reject_unknown_helo_hostname: count('Helo command rejected: Host not found'),
      'reject_rbl_client zen.spamhaus.org': count('Client host .* blocked using zen'),
      'reject_rhsbl_sender dbl.spamhaus.org': count('Sender address .* blocked using dbl'),
      reject_multi_recipient_bounce: count('Multi-recipient bounce'),
    });
    for (const count of found.values()) expect(count).toBeGreaterThan(0);
    const domain = restrictions.find(
      (each: { restriction: string }) => each.restriction === 'reject_unknown_sender_domain',
    );
    expect(domain.wanted[0]).toMatchObject({
      sign: 'answered',
      address: '203.0.113.5',
      sender: 'anna@gone.example',
      recipient: 'bob@example.net',
      answeredBy: 'user:alice@example.net',
      delivered: 1,
    });

    const text = (await postern({ config: yaml, rehearsal: true })).stdout;
    expect(text).toContain(
      '    answered  <anna@gone.example> to <bob@example.net> from mx.sound.example[203.0.113.5], 1 refusal: user:alice@example.net wrote to this sender, delivered 1\n',
    );
    const page = readFileSync('docs/audit.md', 'utf8');
    const [shown = ''] =
      /^ {4}reject_unknown_sender_domain: (?:.*\n)+? {4}Would refuse .*\n/m.exec(page) ?? [];
    for (const line of shown.split('\n')) expect(text).toContain(line.slice(4));
    expect(shown).not.toBe('');
    expect(text).toContain('so do not enforce: reject_unknown_sender_domain\n');
    expect(text).toContain('as far as the log shows: reject_multi_recipient_bounce');
  });

  it('is a rehearsal for the audit, too', async () => {
    const { stdout } = await postern({ postfix: server.configuration, offline: true });
    expect(stdout).toContain('warn-left');
    expect(stdout).toContain('This looks like a rehearsal');
  });

  it('is enforced: sound mail goes through, the rest is refused', async () => {
    const printed = await postern({ postfix: server.configuration, harden: true });
    await apply(printed.stdout);
    await expectSoundMail();
    for (const [restriction, code, stranger] of BAD)
      expect([restriction, ...(await mail(stranger))]).toEqual([restriction, code]);
    expect(await mail(SOUND, 'closed@example.net')).toEqual([554]);
    const bounce = await SmtpClient.open(connection(SOUND));
    const codes = await bounce.send({ sender: '', recipients: ['a@example.net', 'b@example.net'] });
    await bounce.quit();
    expect(codes.data?.code).toBe(550);

    const again = await postern({ postfix: server.configuration, harden: true });
    expect(again.stdout).not.toContain('postconf');
    const { stdout } = await postern({ postfix: server.configuration, offline: true });
    for (const id of ['warn-left', 'order', 'duplicate', 'helo-not-required', 'vrfy'])
      expect(stdout).not.toContain(` ${id}\n`);
  });

  it('limits the rate of each client', async () => {
    await apply("postconf -e 'smtpd_client_message_rate_limit = 1'\n");
    // A process from before the reload may still take a connection; each attempt is another client.
    let client = 9;
    await until('the limit', async () => {
      const codes = await sendTwo(`127.0.0.${client++}`);
      return codes.join() === '250,450';
    });
  });

  /** The answers to two messages of one client. */
  async function sendTwo(localAddress: string): Promise<number[]> {
    const client = await SmtpClient.open({ port, helo: SOUND.helo, localAddress });
    const codes: number[] = [];
    for (let message = 0; message < 2; message++) {
      codes.push((await client.command('MAIL FROM:<anna@sound.example>')).code);
      await client.command('RSET');
    }
    await client.quit();
    return codes;
  }
});
