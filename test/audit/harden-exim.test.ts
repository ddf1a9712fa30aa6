/**
 * The hardening of a lax Exim: the printed statements are included where the output says, first as a rehearsal, then to
 * enforce them. Strangers are sessions whose client has another address, and their names come from a DNS server on
 * loopback.
 */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveZone, type ZoneServer } from '../support/dns-zone.ts';
import {
  type EximOptions,
  type EximServer,
  eximProgram,
  hasExim,
  startExim,
} from '../support/exim.ts';
import { canChooseResolver } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';
import { countLines, postern, storeLog } from './rehearsal.ts';

const RESOLVER = '127.0.0.154';
const ZONE = `
mx.sound.example A 203.0.113.5
sound.example MX 10 mx.sound.example
203.0.113.5 PTR mx.sound.example
203.0.113.66 PTR pc.customer.example
203.0.113.67 PTR pc.customer.example
203.0.113.70 PTR pc.customer.example
66.113.0.203.zen.spamhaus.org A 127.0.0.2
67.113.0.203.zen.spamhaus.org A 127.255.255.254
spam.example MX 10 mx.sound.example
spam.example.dbl.spamhaus.org A 127.0.1.2
`;

interface Stranger {
  readonly address: string;
  readonly helo?: string;
  readonly sender: string;
  readonly recipients: readonly string[];
}
const SOUND: Stranger = {
  address: '203.0.113.5',
  helo: 'mx.sound.example',
  sender: 'anna@sound.example',
  recipients: ['bob@example.net'],
};

/** What each statement is for, with the codes that it answers to RCPT. */
const BAD: readonly (readonly [name: string, codes: readonly number[], stranger: Stranger])[] = [
  ['helo-missing', [550], { ...SOUND, helo: '' }],
  ['helo-name', [550], { ...SOUND, helo: 'PC' }],
  [
    'null-sender-recipients',
    [250, 550],
    { ...SOUND, sender: '', recipients: ['a@example.net', 'b@example.net'] },
  ],
  ['sender-domain', [550], { ...SOUND, sender: 'anna@gone.example' }],
  ['reverse-name', [451], { ...SOUND, address: '203.0.113.9' }],
  ['blocklist', [550], { ...SOUND, address: '203.0.113.66' }],
  ['sender-blocklist', [550], { ...SOUND, sender: 'anna@spam.example' }],
];

/** Sender verification looks up domains; deliveries all go to the sink. */
const VERIFY = `begin routers

verify:
  driver = dnslookup
  domains = ! +local_domains
  verify_only
  verify_recipient = false
  self = pass
  transport = sink
  no_more
`;

describe.runIf(hasExim() && canChooseResolver())('the hardening of Exim', () => {
  let zone: ZoneServer;
  let sink: Sink;
  let server: EximServer;
  let yaml: string;
  let options: EximOptions;

  beforeAll(async () => {
    zone = await serveZone(ZONE, RESOLVER);
    sink = await startSink();
    options = {
      sinkPort: sink.port,
      resolver: RESOLVER,
      recipes: [],
      main: 'hosts_require_helo =',
      edit: (text) => text.replace('begin routers\n', VERIFY),
    };
    server = await startExim(options);
    yaml = server.folder.write(
      'postern.yaml',
      `mta: exim\nlogs: [ ${server.logFile} ]\ndatabase: ${server.folder.at('postern.db')}\ncommands: { exim: [ ${eximProgram()} ] }\n`,
    );
  });
  afterAll(async () => {
    await server?.stop();
    await sink?.stop();
    await zone?.close();
  });

  const harden = (more = {}) =>
    postern({ config: yaml, exim: server.configuration, harden: true, ...more });

  /** Includes the statements behind the check for foreign domains, as the output says. */
  async function include(statements: string): Promise<void> {
    const file = server.folder.write('harden.conf', statements);
    await server.reconfigure({
      ...options,
      edit: (text) =>
        (options.edit?.(text) ?? text).replace(
          /(domains = \+local_domains\n)(\s+accept\n)/,
          (_, before, after) => `${before}.include ${file}\n${after}`,
        ),
    });
  }

  /** The codes of the answers to RCPT, and to the message if a recipient was taken. */
  async function mail({ address, helo, sender, recipients }: Stranger): Promise<number[]> {
    const greeting = helo === '' ? [] : [`EHLO ${helo}`];
    const said = await server.smtpFrom(address, [
      ...greeting,
      `MAIL FROM:<${sender}>`,
      ...recipients.map((each) => `RCPT TO:<${each}>`),
      'DATA',
      `From: <${sender}>\r\n\r\nHello.\r\n.`,
      'QUIT',
    ]);
    const codes = [...said.matchAll(/^(\d{3}) /gm)].map(([, code]) => Number(code));
    const first = 2 + greeting.length;
    return codes.slice(first, first + recipients.length);
  }

  async function expectSoundMail(): Promise<void> {
    expect(await mail(SOUND)).toEqual([250]);
    // An error code of the list is not a listing.
    expect(await mail({ ...SOUND, address: '203.0.113.67' })).toEqual([250]);
    expect(await mail({ ...SOUND, address: '198.51.100.7', helo: 'PRINTER' })).toEqual([250]);
    const user = { port: server.port, helo: 'LAPTOP' };
    const replies = await sendMail(
      { ...user, auth: { user: 'alice@example.net', password: 'secret' } },
      { sender: 'alice@example.net', recipients: ['carol@elsewhere.example'] },
    );
    expect(replies.data?.code).toBe(250);
  }

  it('is rehearsed: everything goes through, and the log is counted', async () => {
    const printed = await harden({ rehearse: true });
    expect(printed.stderr).toBe('');
    const [, line = ''] = /exim\.conf:(\d+), restart Exim$/m.exec(printed.stdout) ?? [];
    const lines = readFileSync(server.configuration, 'utf8').split('\n');
    expect(lines[Number(line) - 1]).toContain('require message = relay not permitted');
    await include(printed.stdout);
    await expectSoundMail();
    for (const [, , stranger] of BAD)
      expect(await mail(stranger)).toEqual(stranger.recipients.map(() => 250));
    await server.logged(/-> b@example\.net/);
    expect((await harden({ rehearse: true })).stdout).toContain('Nothing to change');
  });

  it('shows what would have been refused, and whose mail was answered', async () => {
    await sendMail(
      { port: server.port, auth: { user: 'alice@example.net', password: 'secret' } },
      { sender: 'bob@example.net', recipients: ['anna@gone.example'] },
    );
    await server.logged(/=> anna@gone\.example/);
    await storeLog(yaml, server.logFile);

    const { status, stdout } = await postern({ config: yaml, rehearsal: true, format: 'json' });
    const { restrictions, refusals } = JSON.parse(stdout);
    expect(refusals).toBe(countLines(server.logFile, / Warning: postern: rehearsal /));
    const found = Object.fromEntries(
      restrictions.map((each: { restriction: string; refusals: number }) => [
        each.restriction,
        each.refusals,
      ]),
    );
    const names = BAD.map(([name]) => name);
    expect(found).toEqual(
      Object.fromEntries(
        names.map((name) => [name, countLines(server.logFile, new RegExp(`: ${name}: [^:]+$`))]),
      ),
    );
    for (const name of names) expect(found[name]).toBeGreaterThan(0);
    const domain = restrictions.find(
      (each: { restriction: string }) => each.restriction === 'sender-domain',
    );
    expect(domain.wanted).toEqual([
      expect.objectContaining({
        sign: 'answered',
        address: '203.0.113.5',
        sender: 'anna@gone.example',
        recipient: 'bob@example.net',
        answeredBy: 'user:alice@example.net',
        delivered: 1,
      }),
    ]);
    expect(status).toBe(1);
  });

  it('is a rehearsal for the audit, too', async () => {
    const { stdout } = await postern({ config: yaml, exim: server.configuration, offline: true });
    expect(stdout).toContain('warn-left');
    expect(stdout).toContain('This is a rehearsal');
  });

  it('is enforced: sound mail goes through, the rest is refused', async () => {
    const printed = await harden();
    await include(printed.stdout);
    await expectSoundMail();
    for (const [name, codes, stranger] of BAD)
      expect([name, ...(await mail(stranger))]).toEqual([name, ...codes]);
    expect((await harden()).stdout).toContain('Nothing to change');
    const { stdout } = await postern({ config: yaml, exim: server.configuration, offline: true });
    for (const id of ['warn-left', 'order', 'duplicate', 'helo-not-required'])
      expect(stdout).not.toContain(` ${id}\n`);
  });

  it('limits the rate of each client', async () => {
    const file = server.folder.at('harden.conf');
    const statements = readFileSync(file, 'utf8');
    await include(statements.replace('300 / 1m / per_rcpt', '2 / 1m / per_rcpt'));
    const recipients = Array.from({ length: 4 }, (_, index) => `r${index}@example.net`);
    const codes = await mail({ ...SOUND, address: '203.0.113.70', recipients });
    expect([codes[0], codes.at(-1)]).toEqual([250, 451]);
  });
});
