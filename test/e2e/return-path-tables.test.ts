/**
 * Servers that know their recipients refuse a signed one before any milter sees it. The tables of docs/mta take the
 * signature off, and `postern check` finds them missing: a real Postfix and a real Sendmail.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCheck } from '../../src/cli/check.ts';
import { RETURN_PATH_SCHEMES } from '../../src/sign/schemes.ts';
import { scratchFolder, until } from '../support/folder.ts';
import { TestMilter } from '../support/milter-service.ts';
import { hasPostfix, type PostfixServer, startPostfix } from '../support/postfix.ts';
import { hasSendmail, sendmailFolder, startSendmail } from '../support/sendmail.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { SmtpClient, sendMail } from '../support/smtp-client.ts';
import { codes, say } from './milter.ts';

const KEY = { number: '0', secret: 'secret' };
const sign = (address: string) =>
  (RETURN_PATH_SCHEMES.prvs.sign(address, { key: KEY, now: Date.now() }) as { address: string })
    .address;
const SECTION = `  returnPath:
    domains: [ example.net ]
    mode: reject
    rejectAtOnce: true
    keys: keys
    record: record.json
    networks: [ 127.0.0.2 ]
`;
const TABLE = resolve('docs/mta/postfix/return-path.regexp');

describe.runIf(hasPostfix())('Postfix with relay_recipient_maps', () => {
  const folder = scratchFolder();
  let sink: Sink;
  let server: PostfixServer;
  let milter: TestMilter;

  beforeAll(async () => {
    writeFileSync(folder.at('keys'), '0 secret\n', { mode: 0o600 });
    folder.write('recipients', 'alice@example.net x\npostmaster@example.net x\n');
    milter = new TestMilter(folder, SECTION);
    sink = await startSink();
    server = await startPostfix({
      sinkPort: sink.port,
      mainCf: `smtpd_milters = unix:${folder.at('milter')}
relay_domains = example.net
relay_recipient_maps = texthash:${folder.at('recipients')}
mynetworks = 127.0.0.2
`,
    });
  });
  afterAll(async () => {
    await server?.stop();
    await milter?.stop();
    await sink?.stop();
    folder.remove();
  });

  async function check() {
    let text = '';
    const io = { stdout: (more: string) => (text += more), stderr: () => {} };
    const options = { config: folder.at('postern.yaml'), postfixConfig: server.configuration };
    await runCheck({ ...options, milter: true }, io);
    return text;
  }
  const bounce = async (address: string) =>
    (await sendMail({ port: server.smtpPort }, { sender: '', recipients: [address] })).data?.code;

  it('refuses signed recipients, and check says so', async () => {
    const [reply] = (
      await sendMail(
        { port: server.smtpPort },
        { sender: '', recipients: [sign('alice@example.net')] },
      )
    ).recipients;
    expect(reply?.text).toContain('User unknown in relay recipient table');
    expect(await check()).toContain('Postfix does not know signed recipients of example.net');
  });

  it('takes them with return-path.regexp, and check is content', async () => {
    await server.configure(`virtual_alias_maps = regexp:${TABLE}\n`);
    const text = await check();
    expect(text).toContain('Postfix takes signed recipients of example.net');
    expect(text).toContain('key 0 signs');
    expect(await bounce(sign('alice@example.net'))).toBe(250);
    const { recipients } = await sink.messageTo('alice@example.net');
    expect(recipients).toEqual(['alice@example.net']);
    expect(await bounce('alice@example.net')).toBe(550);
  });

  it('brings the bounces that Postfix makes itself back to the person', async () => {
    sink.clear();
    await sendMail(
      { port: server.smtpPort, localAddress: '127.0.0.2' },
      { sender: 'alice@example.net', recipients: ['nobody@other.example'] },
    );
    const { sender, data } = await sink.messageTo('alice@example.net');
    expect(sender).toBe('');
    expect(data).toContain('nobody@other.example');
    await until('the empty queue', async () => (await server.queue()).length === 0);
  });
});

describe.runIf(hasSendmail()).each([
  ['without the rule', '', 550],
  ['with return-path.mc', readFileSync('docs/mta/sendmail/return-path.mc', 'utf8'), 250],
])('Sendmail %s', (_title, rule, code) => {
  it(`answers ${code} to a signed local recipient`, async () => {
    const folder = sendmailFolder();
    writeFileSync(folder.at('keys'), '0 secret\n', { mode: 0o600 });
    const milter = new TestMilter(folder, SECTION);
    const server = await startSendmail(folder, {
      nextHopPort: 1,
      milter: 'local:{dir}/milter',
      // Without an alias file the users of the machine are known at once.
      mc: `LOCAL_DOMAIN(\`example.net')\nundefine(\`ALIAS_FILE')\n${rule}`,
    });
    try {
      const client = await SmtpClient.open({ port: server.port, localAddress: '127.0.0.3' });
      const to = ['root', 'nosuchuser'].map((name) => `RCPT TO:<${sign(`${name}@example.net`)}>`);
      expect(codes(await say(client, 'MAIL FROM:<>', ...to))).toEqual([250, code, 550]);
      client.close();
    } finally {
      await server.stop();
      await milter.stop();
    }
  });
});
