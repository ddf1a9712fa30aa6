/** Signed return paths by the milter, with a real Postfix and a real Sendmail: the whole service, as configured. */
import { chmodSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RETURN_PATH_SCHEMES } from '../../src/sign/schemes.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { TestMilter } from '../support/milter-service.ts';
import { hasPostfix, startPostfix } from '../support/postfix.ts';
import { hasSendmail, sendmailFolder, startSendmail } from '../support/sendmail.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { codes, DATA, type Hop, say, startHop } from './milter.ts';

const OURS = '127.0.0.2';
const STRANGER = '127.0.0.3';
const KEY = { number: '4', secret: 'correct horse' };
const REFUSAL = '5.7.1 We did not send the message that this is about';

const sign = (address: string, now = Date.now(), key = KEY) =>
  (RETURN_PATH_SCHEMES.prvs.sign(address, { key, now }) as { address: string }).address;
const hashed = (address: string, recipient: string) =>
  (
    RETURN_PATH_SCHEMES['exim-hash'].sign(address, { key: KEY, now: 0, recipient }) as {
      address: string;
    }
  ).address;

const SECTION = `  returnPath:
    domains: [ example.net ]
    keys: keys
    record: record.json
    networks: [ ${OURS} ]
    servers: [ mx.example.net ]
`;

function serve(folder: Folder): TestMilter {
  writeFileSync(folder.at('keys'), `3 old\n${KEY.number} ${KEY.secret}\n`, { mode: 0o600 });
  return new TestMilter(folder, SECTION, REJECT);
}

const REJECT = '    mode: reject\n    rejectAtOnce: true\n';

interface Rig {
  readonly folder: Folder;
  readonly port: number;
  readonly hop: Hop;
  stop(): Promise<void>;
}

describe.each([
  ['Postfix', hasPostfix(), startWithPostfix],
  ['Sendmail', hasSendmail(), startWithSendmail],
] as const)('%s', (name, isHere, start) => {
  let rig: Rig;
  let service: TestMilter;
  let count = 0;

  beforeAll(async () => {
    if (!isHere) return;
    rig = await start((folder) => {
      service = serve(folder);
    });
  });
  afterAll(async () => {
    await rig?.stop();
    await service?.stop();
  });

  /** One message; the reply to each command, and what reached the next hop if it was accepted. */
  async function send(from: string, sender: string, recipients: readonly string[]) {
    const id = `${name}${count++}`;
    const client = await SmtpClient.open({ port: rig.port, localAddress: from });
    try {
      const lines = [
        `MAIL FROM:<${sender}> ENVID=${id}`,
        ...recipients.map((to) => `RCPT TO:${to}`),
      ];
      const replies = await say(client, ...lines);
      const [data] = await say(client, 'DATA');
      const [end] = data?.code === 354 ? await say(client, DATA) : [];
      const envelope = end?.code === 250 ? await rig.hop.envelope(id) : [];
      return { replies: [...replies, data, end].filter((one) => one !== undefined), envelope };
    } finally {
      client.close();
    }
  }

  const senderOf = (envelope: readonly string[]) =>
    /^MAIL FROM:<(\S*)>/.exec(envelope[0] ?? '')?.[1];
  const recipientsOf = (envelope: readonly string[]) =>
    envelope.flatMap((line) => /^RCPT TO:<(\S+)>/.exec(line)?.[1] ?? []).sort();

  describe.runIf(isHere)('outgoing mail', () => {
    it.each([
      ['alice@example.net', ['<b@other.example>'], () => sign('alice@example.net')],
      ['Alice@Example.NET', ['<b@other.example>'], () => sign('Alice@example.net')],
      [
        'alice@example.net',
        ['<b@other.example>', '<c@else.example>'],
        () => sign('alice@example.net'),
      ],
      ['alice@example.net', ['<bob@example.net>'], () => 'alice@example.net'],
      ['x@other.example', ['<b@other.example>'], () => 'x@other.example'],
      ['', ['<b@other.example>'], () => ''],
      [
        'SRS0=ab=cd=d.example=x@example.net',
        ['<b@other.example>'],
        () => 'SRS0=ab=cd=d.example=x@example.net',
      ],
      ['alice@example.net', ['<x@lists.example>'], () => 'alice@example.net'],
      ['robot@example.net', ['<b@other.example>'], () => 'robot@example.net'],
      [
        `${'a'.repeat(60)}@example.net`,
        ['<b@other.example>'],
        () => `${'a'.repeat(60)}@example.net`,
      ],
    ])('from <%s> to %j', async (sender, recipients, expected) => {
      service.configure(
        `${REJECT}    unsignedRecipients: [ "@lists.example" ]\n    unsignedSenders: [ robot@example.net ]\n`,
      );
      const { envelope } = await send(OURS, sender, recipients);
      expect(senderOf(envelope)).toBe(expected());
      service.configure(REJECT);
    });

    it('of strangers is not signed', async () => {
      const { envelope } = await send(STRANGER, 'alice@example.net', ['<x@in.example>']);
      expect(senderOf(envelope)).toBe('alice@example.net');
    });

    it('by exim-hash names the recipient', async () => {
      service.configure(`${REJECT}    scheme: exim-hash\n`);
      const { envelope } = await send(OURS, 'alice@example.net', ['<b@other.example>']);
      expect(senderOf(envelope)).toBe(hashed('alice@example.net', 'b@other.example'));
      service.configure(REJECT);
    });
  });

  describe.runIf(isHere)('incoming mail', () => {
    const plain = 'alice@example.net';

    it.each([
      ['signed', () => [`<${sign(plain)}>`], [plain]],
      ['signed and plain', () => [`<${sign(plain)}>`, `<${plain}>`], [plain]],
      [
        'signed twice',
        () => [`<${sign(plain)}>`, `<${sign(plain, Date.now() - 86_400_000)}>`],
        [plain],
      ],
      ['in capitals', () => [`<${sign(plain).toUpperCase()}>`], ['ALICE@example.net']],
      [
        'two people',
        () => [`<${sign(plain)}>`, `<${sign('bob@example.net')}>`],
        [plain, 'bob@example.net'],
      ],
      ['by exim-hash', () => [`<${hashed(plain, 'b@other.example')}>`], [plain]],
    ])(
      'a notification to an address that is %s reaches the person once',
      async (_title, to, expected) => {
        const { replies, envelope } = await send(STRANGER, '', to());
        expect(codes(replies).at(-1)).toBe(250);
        expect(recipientsOf(envelope).map(lowerDomain)).toEqual(expected);
      },
    );

    it('keeps NOTIFY, and says in ORCPT what was asked for', async () => {
      const signed = sign(plain);
      const { envelope } = await send(STRANGER, '', [`<${signed}> NOTIFY=NEVER`]);
      const xtext = signed.replaceAll('=', '+3D');
      const words = ['RCPT', `TO:<${plain}>`, 'NOTIFY=NEVER', `ORCPT=rfc822;${xtext}`];
      expect(envelope[1]?.split(' ').sort()).toEqual(words.sort());
    });

    it.each([
      ['expired', () => sign(plain, Date.now() - 9 * 86_400_000)],
      ['guessed', () => sign(plain, Date.now(), { number: '4', secret: 'guess' })],
      ['for somebody else', () => hashed(plain, 'b@other.example').replace('=b=', '=c=')],
    ])('a signature that is %s is refused at RCPT', async (_title, address) => {
      const { replies } = await send(STRANGER, '', [`<${address()}>`]);
      expect(replies[1]?.code).toBe(550);
      expect(replies[1]?.text).toContain(REFUSAL.slice(6));
    });

    it('the hash form takes mail with a sender from its recipient alone', async () => {
      const to = [`<${hashed(plain, 'b@other.example')}>`];
      expect(codes((await send(STRANGER, 'B@other.example', to)).replies).at(-1)).toBe(250);
      expect((await send(STRANGER, 'c@other.example', to)).replies[1]?.code).toBe(550);
    });

    it('a bogus notification is refused at DATA, after a callout at RCPT has its answer', async () => {
      const { replies } = await send(STRANGER, '', [`<${plain}>`, '<bob@example.net>']);
      expect(codes(replies)).toEqual([250, 250, 250, 550]);
      expect(replies[3]?.text).toBe(REFUSAL);
    });

    it('of several recipients only the plain ones lose it', async () => {
      const { replies, envelope } = await send(STRANGER, '', [
        `<${plain}>`,
        `<${sign('bob@example.net')}>`,
      ]);
      expect(codes(replies)).toEqual([250, 250, 250, 354, 250]);
      expect(recipientsOf(envelope)).toEqual(['bob@example.net']);
    });

    it.each([
      '<postmaster@example.net>',
      '<Abuse@example.net>',
      '<robot@example.net>',
      '<x@in.example>',
    ])('a notification to %s goes through', async (to) => {
      service.configure(`${REJECT}    openRecipients: [ robot@example.net ]\n`);
      expect(codes((await send(STRANGER, '', [to])).replies).at(-1)).toBe(250);
      service.configure(REJECT);
    });

    it('our own servers and networks that are exempt may notify anybody', async () => {
      expect(codes((await send(OURS, '', [`<${plain}>`])).replies).at(-1)).toBe(250);
      service.configure(`${REJECT}    openNetworks: [ ${STRANGER} ]\n`);
      expect(codes((await send(STRANGER, '', [`<${plain}>`])).replies).at(-1)).toBe(250);
      service.configure(REJECT);
    });

    it('mail with a sender is none of its business', async () => {
      const { replies, envelope } = await send(STRANGER, 'x@other.example', [`<${plain}>`]);
      expect(codes(replies)).toEqual([250, 250, 354, 250]);
      expect(envelope).toHaveLength(2);
    });

    it('who guesses signatures is refused for a while, right or wrong', async () => {
      const guess = sign(plain, Date.now(), { number: '4', secret: 'guess' });
      const client = await SmtpClient.open({ port: rig.port, localAddress: '127.0.0.9' });
      await say(client, 'MAIL FROM:<>');
      for (let tries = 0; tries < 20; tries++) {
        const [reply] = await say(client, `RCPT TO:<${guess}>`);
        if (reply === undefined || reply.code !== 550) break;
      }
      client.close();
      expect((await send('127.0.0.9', '', [`<${sign(plain)}>`])).replies[1]?.code).toBe(550);
      expect(codes((await send(STRANGER, '', [`<${sign(plain)}>`])).replies).at(-1)).toBe(250);
    });
  });

  describe.runIf(isHere)('modes', () => {
    const to = '<alice@example.net>';

    it('observe changes nothing, and counts', async () => {
      service.configure('    mode: observe\n');
      const count = () => service.status()?.figures?.['return-path']?.['bogus-notification'] ?? 0;
      const before = count();
      const { envelope } = await send(OURS, 'alice@example.net', ['<b@other.example>']);
      expect(senderOf(envelope)).toBe('alice@example.net');
      expect(codes((await send(STRANGER, '', [to])).replies).at(-1)).toBe(250);
      await until('the count', () => count() === before + 1);
      service.configure(REJECT);
    });

    it('sign signs, and refuses nothing', async () => {
      service.configure('    mode: sign\n');
      const { envelope } = await send(OURS, 'alice@example.net', ['<b@other.example>']);
      expect(senderOf(envelope)).toBe(sign('alice@example.net'));
      expect(codes((await send(STRANGER, '', [to])).replies).at(-1)).toBe(250);
      service.configure(REJECT);
    });

    it('reject waits until the last bounce of unsigned mail has come, and says so', async () => {
      service.configure('    mode: reject\n');
      expect(codes((await send(STRANGER, '', [to])).replies).at(-1)).toBe(250);
      const problem = service.status()?.problems.join();
      expect(problem).toMatch(
        /bogus notifications are not refused yet: bounces of unsigned mail can come until \d{4}/,
      );
      const [since] = Object.values(JSON.parse(rig.folder.read('record.json')));
      const early = new Date(Date.parse(String(since)) - 12 * 86_400_000).toISOString();
      writeFileSync(rig.folder.at('record.json'), JSON.stringify({ 'example.net': early }));
      service.configure('    mode: reject\n');
      expect(codes((await send(STRANGER, '', [to])).replies).at(-1)).toBe(550);
      service.configure(REJECT);
    });

    it('keys that cannot be read any more stay in use, and status says so', async () => {
      chmodSync(rig.folder.at('keys'), 0o644);
      await until('the problem', async () => {
        await send(OURS, 'alice@example.net', ['<b@other.example>']);
        return service.status()?.problems.join().includes('has mode 644');
      });
      const { envelope } = await send(OURS, 'alice@example.net', ['<b@other.example>']);
      expect(senderOf(envelope)).toBe(sign('alice@example.net'));
      chmodSync(rig.folder.at('keys'), 0o600);
    });
  });
});

function lowerDomain(address: string): string {
  const at = address.lastIndexOf('@');
  return address.slice(0, at) + address.slice(at).toLowerCase();
}

async function startWithPostfix(begin: (folder: Folder) => void): Promise<Rig> {
  const hop = await startHop();
  const folder = scratchFolder();
  begin(folder);
  const server = await startPostfix({
    sinkPort: hop.port,
    mainCf: `smtpd_milters = { unix:${folder.at('milter')}, command_timeout=30s, default_action=tempfail }
relay_domains = example.net in.example
mynetworks = 127.0.0.0/8
smtpd_hard_error_limit = 100
smtpd_error_sleep_time = 0
`,
  });
  const stop = async () => {
    await server.stop();
    await hop.close();
    folder.remove();
  };
  return { folder, port: server.smtpPort, hop, stop };
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
