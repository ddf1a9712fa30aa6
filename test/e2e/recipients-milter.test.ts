/** Recipient verification by the milter, with a real Postfix and a real Sendmail: the whole service, as configured. */
import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { RETURN_PATH_SCHEMES } from '../../src/sign/schemes.ts';
import { type BackEnd, type BackEndOptions, knowGood, startBackEnd } from '../support/back-end.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { TestMilter } from '../support/milter-service.ts';
import { hasPostfix, type PostfixServer, startPostfix } from '../support/postfix.ts';
import { hasSendmail, sendmailFolder, startSendmail } from '../support/sendmail.ts';
import { freePorts } from '../support/server.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { codes, DATA, type Hop, say, startHop } from './milter.ts';

const STRANGER = '127.0.0.3';
const SKIPPED = '127.0.0.2';
const KEY = { number: '4', secret: 'correct horse' };
const UNKNOWN = 'User unknown';
const LATER = 'Recipient cannot be verified now, please try again later';

const sign = (address: string) =>
  (RETURN_PATH_SCHEMES.prvs.sign(address, { key: KEY, now: Date.now() }) as { address: string })
    .address;

interface Rig {
  readonly folder: Folder;
  readonly port: number;
  readonly hop: Hop;
  readonly postfix?: PostfixServer;
  stop(): Promise<void>;
}

describe.each([
  ['Postfix', hasPostfix(), startWithPostfix],
  ['Sendmail', hasSendmail(), startWithSendmail],
] as const)('%s', (name, isHere, start) => {
  let rig: Rig;
  let service: TestMilter;
  let backEnd: BackEnd;
  /** nobody listens there */
  let closed: number;
  let count = 0;

  const options: { reply: (recipient: string) => string } = { reply: knowGood };
  const backEndOptions: BackEndOptions = { reply: (recipient) => options.reply(recipient) };

  beforeAll(async () => {
    if (!isHere) return;
    backEnd = await startBackEnd(backEndOptions);
    [closed] = (await freePorts(1)) as [number];
    rig = await start((folder) => {
      writeFileSync(folder.at('keys'), `${KEY.number} ${KEY.secret}\n`, { mode: 0o600 });
      service = new TestMilter(folder, '', verify());
    });
  });
  afterAll(async () => {
    await rig?.stop();
    await service?.stop();
    await backEnd?.stop();
  });
  beforeEach(() => {
    options.reply = knowGood;
  });

  /** The section, with `more` lines in it; `domain`: what follows the name of the domain. */
  function verify(more = '', domain = `servers: '[127.0.0.1]:${backEnd.port}'`): string {
    return `  recipients:
    database: answers${count++}.db
    skip: { clients: [ ${SKIPPED} ] }
    domains:
      - { domain: example.net, ${domain} }
${more}`;
  }

  /** One message; the reply to each command, and what reached the next hop if it was accepted. */
  async function send(recipients: readonly string[], sender = 'x@out.example', from = STRANGER) {
    const id = `${name}${count++}`;
    const client = await SmtpClient.open({ port: rig.port, localAddress: from });
    try {
      const lines = recipients.map((to) => `RCPT TO:<${to}>`);
      const replies = await say(client, `MAIL FROM:<${sender}> ENVID=${id}`, ...lines);
      // After 421 the mail server has closed the connection.
      const isOver = replies.some(({ code }) => code === 421);
      const [data] = isOver ? [] : await say(client, 'DATA');
      const [end] = data?.code === 354 ? await say(client, DATA) : [];
      const envelope = end?.code === 250 ? await rig.hop.envelope(id) : [];
      return { rcpt: replies.slice(1), end: end ?? data, envelope };
    } finally {
      client.close();
    }
  }

  const recipientsOf = (envelope: readonly string[]) =>
    envelope.flatMap((line) => /^RCPT TO:<(\S+)>/.exec(line)?.[1] ?? []).sort();
  const refusal = (address: string, status: string, text: string) =>
    `${status} ${name === 'Sendmail' ? `<${address}>... ` : ''}${text}`;

  describe.runIf(isHere)('a recipient', () => {
    it('that exists is accepted, one that does not is refused, and others do not suffer', async () => {
      service.configure(verify());
      const to = ['good@example.net', 'bad@example.net', 'good2@example.net', 'a@in.example'];
      const { rcpt, end, envelope } = await send(to);
      expect(codes(rcpt)).toEqual([250, 550, 250, 250]);
      expect(rcpt[1]?.text).toBe(refusal('bad@example.net', '5.1.1', UNKNOWN));
      expect(end?.code).toBe(250);
      expect(recipientsOf(envelope)).toEqual(
        ['good@example.net', 'good2@example.net', 'a@in.example'].sort(),
      );
    });

    it('is asked for once, and known over a reload that changes nothing about recipients', async () => {
      const text = verify();
      service.configure(text);
      await send(['good-once@example.net', 'bad-once@example.net']);
      service.configure(text);
      const { rcpt } = await send(['good-once@example.net', 'bad-once@example.net']);
      expect(codes(rcpt)).toEqual([250, 550]);
      const asked = backEnd.asked.filter((address) => address.includes('-once@'));
      expect(asked).toEqual(['good-once@example.net', 'bad-once@example.net']);
    });

    it('is known over a reload that changes how recipients are verified', async () => {
      const text = verify();
      service.configure(text);
      await send(['bad-again@example.net']);
      service.configure(`${text}    whenUnknown: tempfail\n`);
      const { rcpt } = await send(['bad-again@example.net']);
      expect(codes(rcpt)).toEqual([550]);
      expect(backEnd.asked.filter((address) => address.includes('-again@'))).toHaveLength(1);
    });

    it.each([
      ['accept', 250],
      ['tempfail', 450],
    ])('of whom the back end does not say whether it exists: %s', async (whenUnknown, code) => {
      service.configure(verify(`    whenUnknown: ${whenUnknown}\n`));
      options.reply = () => '451 4.7.1 Greylisted, come again';
      const { rcpt } = await send(['grey@example.net']);
      expect(codes(rcpt)).toEqual([code]);
      if (code === 450) expect(rcpt[0]?.text).toBe(refusal('grey@example.net', '4.4.3', LATER));
      // It comes again, and then it is known.
      options.reply = knowGood;
      expect(codes((await send(['grey@example.net', 'good@example.net'])).rcpt)).toEqual([
        550, 250,
      ]);
    });

    it('in observe mode is never refused, and counted', async () => {
      service.configure(verify('    mode: observe\n'));
      // Figures count on over a reload.
      const count = () => figures()?.['invalid from callout'] ?? 0;
      const before = count();
      const { rcpt, end } = await send(['bad@example.net', 'good@example.net']);
      expect([...codes(rcpt), end?.code]).toEqual([250, 250, 250]);
      await until('the count', () => count() === before + 1);
    });

    it.each([
      ['backup', 250],
      ['primary', 450],
    ])('of a domain whose server is down, as its %s', async (role, code) => {
      const domain = `servers: '[127.0.0.1]:${closed}', role: ${role}`;
      service.configure(verify('    whenUnknown: tempfail\n', domain));
      expect(codes((await send(['a@example.net'])).rcpt)).toEqual([code]);
    });

    it('of a catch-all is not asked for', async () => {
      service.configure(verify('', 'role: catch-all'));
      const before = backEnd.asked.length;
      expect(codes((await send(['anybody@example.net'])).rcpt)).toEqual([250]);
      expect(backEnd.asked.length).toBe(before);
    });

    it('from a client that is skipped is not asked for', async () => {
      service.configure(verify());
      expect(codes((await send(['bad@example.net'], 'x@out.example', SKIPPED)).rcpt)).toEqual([
        250,
      ]);
      expect(codes((await send(['bad@example.net'])).rcpt)).toEqual([550]);
    });

    it('of a back end that accepts everything is accepted, and status says so', async () => {
      service.configure(verify());
      options.reply = () => '250';
      expect(codes((await send(['any@example.net', 'body@example.net'])).rcpt)).toEqual([250, 250]);
      await until('the problem', () =>
        problems().includes('the back end of example.net accepts every recipient'),
      );
    });
  });

  it.runIf(isHere && name === 'Postfix')(
    'of a local program is asked for on request, and never refused',
    async () => {
      service.configure(verify().replace(`clients: [ ${SKIPPED} ]`, 'clients: [], local: false'));
      const before = rig.hop.sessions.length;
      const message = 'From: x@out.example\nSubject: A test\n\nHello.\n';
      const words = ['-f', 'x@out.example', 'bad-local@example.net'];
      expect((await rig.postfix?.sendmail('www-data', words, message))?.status).toBe(0);
      await until('the message', () =>
        rig.hop.sessions
          .slice(before)
          .some((lines) => lines.join().includes('bad-local@example.net')),
      );
      expect(backEnd.asked).toContain('bad-local@example.net');
    },
  );

  it.runIf(isHere && name === 'Postfix')(
    'that is refused is an event for rules and reports',
    async () => {
      service.configure(verify());
      await send(['bad-event@example.net']);
      const file = rig.postfix?.logFile ?? '';
      await until('the line', () => rig.postfix?.log().includes('to=<bad-event@example.net>'));
      const argv = [
        process.execPath,
        resolve('dist/cli/main.js'),
        'parse',
        '--mta',
        'postfix',
        file,
      ];
      const { stdout } = await runCommand(argv, { timeout: 30_000 });
      const events = stdout.split('\n').filter((line) => line.includes('bad-event@example.net'));
      expect(JSON.parse(events[0] ?? '{}')).toMatchObject({
        kind: 'rejected',
        reason: 'invalid-recipient',
        client: { address: STRANGER },
      });
    },
  );

  describe.runIf(isHere)('a back end', () => {
    it('that is slow delays no other session', async () => {
      const slow = await startBackEnd({ delay: 1500 });
      service.configure(
        verify(`      - { domain: slow.example, servers: '[127.0.0.1]:${slow.port}' }\n`),
      );
      await send(['good@example.net']);
      const order: string[] = [];
      const waiting = send(['good@slow.example', 'bad@slow.example']).then(({ rcpt }) => {
        order.push('slow');
        return codes(rcpt);
      });
      await until('the slow question', () => slow.asked.length > 0);
      expect(codes((await send(['good@example.net', 'bad@example.net'])).rcpt)).toEqual([250, 550]);
      order.push('quick');
      expect(await waiting).toEqual([250, 550]);
      expect(order).toEqual(['quick', 'slow']);
      await slow.stop();
    });

    it('that goes down leaves its old answers, and status says which step failed', async () => {
      const [port] = (await freePorts(1)) as [number];
      const mortal = await startBackEnd({ port });
      const text = verify(
        '    cache: { valid: 1s, invalid: 1s }\n    whenUnknown: tempfail\n',
        `servers: '[127.0.0.1]:${port}'`,
      );
      service.configure(text);
      expect(codes((await send(['good@example.net', 'bad@example.net'])).rcpt)).toEqual([250, 550]);
      await mortal.stop();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const { rcpt } = await send(['good@example.net', 'bad@example.net', 'new@example.net']);
      expect(codes(rcpt)).toEqual([250, 450, 450]);
      await until('the problem', () =>
        problems().includes(`back end [127.0.0.1]:${port} does not answer since`),
      );
      expect(figures()).toMatchObject({ 'valid from stale': 1 });
      expect(figures()?.['unknown at connect']).toBeGreaterThan(0);
    });
  });

  it.runIf(isHere)('a table that cannot be read is named by status', async () => {
    const file = rig.folder.at('transport');
    writeFileSync(file, `table.example smtp:[127.0.0.1]:${backEnd.port}\n`);
    service.configure(verify(`    tables: [ { file: ${file}, format: transport } ]\n`));
    const to = ['good@table.example', 'bad@table.example'];
    expect(codes((await send(to)).rcpt)).toEqual([250, 550]);
    rmSync(file);
    await until('the problem', () => problems().includes(`${file} cannot be read: ENOENT`));
    expect(codes((await send(to)).rcpt)).toEqual([250, 550]);
  });

  describe.runIf(isHere)('a dictionary attack', () => {
    const names = (count: number) =>
      Array.from({ length: count }, (_, at) => `no${at}@example.net`);

    it.each([421, 550])('in one connection gets %d', async (reply) => {
      service.configure(verify(`    attack: { perConnection: 3, reply: ${reply} }\n`));
      const client = await SmtpClient.open({ port: rig.port, localAddress: '127.0.0.7' });
      await say(client, 'MAIL FROM:<x@out.example>');
      const lines = names(3).map((to) => `RCPT TO:<${to}>`);
      expect(codes(await say(client, ...lines))).toEqual([550, 550, 550]);
      const before = backEnd.asked.length;
      const [last] = await say(client, 'RCPT TO:<good@example.net>');
      expect(last?.code).toBe(reply);
      expect(last?.text).toContain('Too many unknown recipients');
      expect(backEnd.asked.length).toBe(before);
      client.close();
      // Another connection begins anew.
      const { rcpt } = await send(['good@example.net'], 'x@out.example', '127.0.0.7');
      expect(codes(rcpt)).toEqual([250]);
      await until('the count', () => figures()?.['refused in an attack'] === 1);
    });

    it('over several connections is seen by its client address', async () => {
      service.configure(verify('    attack: { perConnection: 0, perClient: 4 }\n'));
      for (const to of names(4)) await send([to], 'x@out.example', '127.0.0.8');
      const { rcpt } = await send(['good@example.net'], 'x@out.example', '127.0.0.8');
      expect(codes(rcpt)).toEqual([421]);
      expect(codes((await send(['good@example.net'])).rcpt)).toEqual([250]);
    });
  });

  describe.runIf(isHere)('together with signed return paths', () => {
    const both = () => `${verify()}  returnPath:
    mode: reject
    rejectAtOnce: true
    domains: [ example.net ]
    keys: keys
    record: record.json
    networks: [ ${SKIPPED} ]
    servers: [ mx.example.net ]
`;

    it('a signed recipient is looked up by its plain address, and restored', async () => {
      service.configure(both());
      const to = [sign('good@example.net'), sign('bad@example.net'), 'bad2@example.net'];
      const { rcpt, end, envelope } = await send(to, '');
      expect(codes(rcpt)).toEqual([250, 550, 550]);
      expect(rcpt[1]?.text).toContain(UNKNOWN);
      expect(end?.code).toBe(250);
      expect(recipientsOf(envelope)).toEqual(['good@example.net']);
      expect(backEnd.asked.filter((address) => address.startsWith('prvs='))).toEqual([]);
    });

    it('a wrong signature of somebody who does not exist is an unknown user', async () => {
      service.configure(both());
      const wrong = ['prvs=4000aaaaaa=bad@example.net', 'prvs=4000aaaaaa=good@example.net'];
      const { rcpt } = await send(wrong, '');
      expect(codes(rcpt)).toEqual([550, 550]);
      expect(rcpt[0]?.text).toContain(UNKNOWN);
      expect(rcpt[1]?.text).toContain('We did not send the message that this is about');
    });

    it('a bogus notification is refused at DATA, an unknown user at RCPT', async () => {
      service.configure(both());
      const { rcpt, end } = await send(['good@example.net', 'bad@example.net'], '');
      expect([...codes(rcpt), end?.code]).toEqual([250, 550, 550]);
    });

    it('outgoing mail is signed and not looked up', async () => {
      service.configure(both());
      const to = ['bad@example.net', 'b@other.example'];
      const { rcpt, envelope } = await send(to, 'alice@example.net', SKIPPED);
      expect(codes(rcpt)).toEqual([250, 250]);
      expect(envelope[0]).toContain(`<${sign('alice@example.net')}>`);
    });
  });

  const figures = () => service.status()?.figures?.recipients;
  const problems = () => service.status()?.problems.join('\n') ?? '';
});

async function startWithPostfix(begin: (folder: Folder) => void): Promise<Rig> {
  const hop = await startHop();
  const folder = scratchFolder();
  begin(folder);
  const server = await startPostfix({
    sinkPort: hop.port,
    mainCf: `smtpd_milters = { unix:${folder.at('milter')}, command_timeout=30s, default_action=tempfail }
relay_domains = example.net in.example slow.example table.example
mynetworks = 127.0.0.0/8
non_smtpd_milters = unix:${folder.at('milter')}
smtpd_hard_error_limit = 100
smtpd_error_sleep_time = 0
`,
  });
  const stop = async () => {
    await server.stop();
    await hop.close();
    folder.remove();
  };
  return { folder, port: server.smtpPort, hop, postfix: server, stop };
}

async function startWithSendmail(begin: (folder: Folder) => void): Promise<Rig> {
  const hop = await startHop();
  const folder = sendmailFolder();
  begin(folder);
  const server = await startSendmail(folder, {
    nextHopPort: hop.port,
    milter: 'local:{dir}/milter',
  });
  const stop = async () => {
    await server.stop();
    await hop.close();
  };
  return { folder, port: server.port, hop, stop };
}
