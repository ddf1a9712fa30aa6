/** The milter with a real Postfix, over a unix socket and over TCP, in every version of the protocol. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reject } from '../../src/milter/handler.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { hasPostfix, type PostfixServer, startPostfix } from '../support/postfix.ts';
import { freePorts } from '../support/server.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { codes, DATA, type Hop, ScriptedMilter, say, startHop } from './milter.ts';
import { describeMilter } from './milter-cases.ts';

const VERSIONS = [2, 3, 4, 6];

describe.runIf(hasPostfix()).each(['unix', 'inet'])('over %s', (kind) => {
  const milter = new ScriptedMilter();
  let hop: Hop;
  let folder: Folder;
  let server: PostfixServer;
  let ports: number[];

  beforeAll(async () => {
    hop = await startHop();
    folder = scratchFolder();
    const [port, ...others] = (await freePorts(1 + VERSIONS.length)) as [number, ...number[]];
    ports = others;
    await milter.listen(folder.path, port);
    const socket = kind === 'unix' ? `unix:${folder.at('milter')}` : `inet:127.0.0.1:${port}`;
    server = await startPostfix({
      sinkPort: hop.port,
      mainCf: `smtpd_milters = { ${socket}, command_timeout=30s, default_action=tempfail }
non_smtpd_milters = ${socket}
smtpd_recipient_limit = 2000
relay_domains = example.net in.example
`,
      masterCf: VERSIONS.map(
        (version, at) =>
          `127.0.0.1:${ports[at]} inet n - n - - smtpd -o milter_protocol=${version}`,
      ).join('\n'),
    });
  });
  afterAll(async () => {
    await server?.stop();
    await milter.server.end(0);
    await hop?.close();
    folder?.remove();
  });

  describeMilter('Postfix', () => ({
    milter,
    hop,
    port: server.smtpPort,
    localAddress: '127.0.0.2',
    prefix: () => '',
    evidence: () => server.log(),
  }));

  it.each(VERSIONS)('milter_protocol = %d is understood', async (version) => {
    milter.reset({
      rcpt: ({ localPart }) => (localPart === 'nobody' ? reject('5.1.1', 'no') : undefined),
    });
    const port = ports[VERSIONS.indexOf(version)] as number;
    const client = await SmtpClient.open({ port, localAddress: '127.0.0.2' });
    const lines = ['MAIL FROM:<x@out.example>', 'RCPT TO:<nobody@in.example>'];
    const replies = await say(client, ...lines, 'RCPT TO:<a@in.example>', 'DATA', DATA);
    expect(codes(replies)).toEqual([250, 550, 250, 354, 250]);
    expect(milter.events.includes('data')).toBe(version >= 4);
    expect(milter.events).toContain('end 1');
    await client.quit();
    expect(server.log()).not.toMatch(/warning: milter/);
  });

  it('recognises mail of a local program, which must not be refused', async () => {
    milter.reset();
    const message = 'From: x@example.net\nSubject: A test\n\nHello.\n';
    const { status } = await server.sendmail(
      'www-data',
      ['-f', 'x@example.net', 'a@in.example'],
      message,
    );
    expect(status).toBe(0);
    await until('the message', () => milter.events.some((event) => event.startsWith('end')));
    expect(milter.last).toMatchObject({
      isLocal: true,
      sender: { argument: 'x@example.net', address: 'x@example.net' },
      recipients: [{ argument: 'a@in.example' }],
    });
    expect(milter.last?.session.client).toMatchObject({ address: '127.0.0.1', port: 0 });
  });

  it('knows who has logged in, and not whom MAIL names', async () => {
    milter.reset();
    const client = await SmtpClient.open({
      port: server.submissionPort,
      auth: { user: 'alice@example.net', password: 'secret' },
    });
    const mail = 'MAIL FROM:<alice@example.net> AUTH=bob@example.net';
    expect(codes(await say(client, mail, 'RCPT TO:<a@in.example>'))).toEqual([250, 250]);
    expect(milter.last?.login).toBe('alice@example.net');
    client.close();
  });
});
