/** `postern milter` as it is installed, with a real Postfix: what `postern check` says, and that mail flows. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/base/commands.ts';
import { reject } from '../../src/milter/handler.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';
import { hasPostfix, type PostfixServer, startPostfix } from '../support/postfix.ts';
import { findMiltertest } from '../support/sendmail.ts';
import { freePorts } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { sendMail } from '../support/smtp-client.ts';
import { ScriptedMilter } from './milter.ts';

const PROGRAM = resolve('dist/cli/main.js');
const MAIL = { sender: 'x@example.net', recipients: ['a@in.example'] };

describe.runIf(hasPostfix())('postern milter and Postfix', () => {
  let folder: Folder;
  let sink: Sink;
  let server: PostfixServer;
  let milter: ChildProcess;

  beforeEach(async () => {
    folder = scratchFolder();
    sink = await startSink();
    const [chrooted] = await freePorts(1);
    server = await startPostfix({
      sinkPort: sink.port,
      masterCf: `127.0.0.1:${chrooted} inet n - y - - smtpd`,
    });
  });
  afterEach(async () => {
    milter?.kill('SIGKILL');
    await server?.stop();
    await sink?.stop();
    folder?.remove();
  });

  async function start(path: string): Promise<void> {
    folder.write(
      'postern.yaml',
      `milter: { listen: "unix:${path}", state: state.json, permissions: "0666" }\n`,
    );
    const argv = [PROGRAM, 'milter', '--config', folder.at('postern.yaml')];
    milter = spawn(process.execPath, argv, { stdio: 'ignore' });
    await until('the milter', async () => (await check()).includes('answers'));
  }

  async function check(): Promise<string> {
    const argv = [
      process.execPath,
      PROGRAM,
      'check',
      '--milter',
      '--config',
      folder.at('postern.yaml'),
    ];
    argv.push('--postfix-config', server.configuration);
    return (await runCommand(argv, { timeout: 30_000 })).stdout;
  }

  it('is found missing, then wired by the lines that check prints, then used', async () => {
    const place = `${server.folder.at('queue')}/postern-milter`;
    mkdirSync(place);
    chmodSync(place, 0o755);
    await start(`${place}/milter`);
    const before = await check();
    expect(before).toMatch(/wrong +milter: 127\.0\.0\.1:\d+\/inet does not ask the milter/);
    const line = /^ *(smtpd_milters = .*)$/m.exec(before)?.[1];
    expect(line).toBe(
      'smtpd_milters = { unix:postern-milter/milter, command_timeout=30s, default_action=tempfail }',
    );
    await server.configure(line as string);
    const after = await check();
    expect(after).not.toMatch(/wrong|warning/);
    // Both kinds of smtpd: with and without chroot.
    expect(after.match(/asks unix:postern-milter\/milter/g)?.length).toBeGreaterThan(1);
    const replies = await sendMail({ port: server.smtpPort, localAddress: '127.0.0.2' }, MAIL);
    expect(replies.data?.code).toBe(250);
    milter.kill('SIGTERM');
    await new Promise((done) => milter.once('exit', done));
    const down = await sendMail({ port: server.smtpPort, localAddress: '127.0.0.2' }, MAIL);
    expect(down.mail.code).toBe(451);
  });

  it('is out of reach of a chrooted smtpd', async () => {
    await start(folder.at('milter'));
    expect(await check()).toMatch(/is chrooted to \S+ and cannot reach unix:/);
  });
});

const miltertest = findMiltertest();

describe.runIf(miltertest !== undefined)('miltertest', () => {
  const SCRIPT = `
conn = mt.connect("SOCKET")
assert(conn ~= nil, "connect")
assert(mt.negotiate(conn, nil, nil, nil) == nil, "negotiate")
assert(mt.test_action(conn, SMFIF_CHGFROM), "CHGFROM")
assert(mt.test_option(conn, SMFIP_NOBODY), "NOBODY")
assert(mt.conninfo(conn, "localhost", "127.0.0.1") == nil)
assert(mt.getreply(conn) == SMFIR_CONTINUE, "connect reply")
assert(mt.helo(conn, "x.example") == nil)
assert(mt.getreply(conn) == SMFIR_CONTINUE, "helo reply")
for message = 1, 3 do
  mt.macro(conn, SMFIC_MAIL, "i", "Q" .. message)
  assert(mt.mailfrom(conn, "<x@out.example>") == nil)
  assert(mt.getreply(conn) == SMFIR_CONTINUE, "mail reply")
  assert(mt.rcptto(conn, "<nobody@in.example>") == nil)
  assert(mt.getreply(conn) == SMFIR_REPLYCODE, "refused recipient")
  assert(mt.rcptto(conn, "<a@in.example>") == nil)
  assert(mt.getreply(conn) == SMFIR_CONTINUE, "recipient")
  assert(mt.eom(conn) == nil)
  assert(mt.getreply(conn) == SMFIR_CONTINUE, "end of message")
  assert(mt.eom_check(conn, MT_RCPTDELETE, "<a@in.example>"), "deleted")
  assert(mt.eom_check(conn, MT_RCPTADD, "<b@in.example>"), "added")
end
mt.disconnect(conn)
`;

  it('plays three messages on one connection', async () => {
    const folder = scratchFolder();
    const milter = new ScriptedMilter();
    milter.reset({
      rcpt: ({ localPart }) => (localPart === 'nobody' ? reject('5.1.1', 'no') : undefined),
      changes: () => [
        { kind: 'delete-recipient', argument: '<a@in.example>' },
        { kind: 'add-recipient', address: 'b@in.example' },
      ],
    });
    try {
      await milter.listen(folder.path);
      const script = folder.write(
        'test.lua',
        SCRIPT.replace('SOCKET', `unix:${folder.at('milter')}`),
      );
      const argv = [...(miltertest as readonly string[]), '-s', script];
      const result = await runCommand(argv, { timeout: 30_000 });
      expect([result.status, result.stderr + result.stdout]).toEqual([0, '']);
      expect(milter.events.filter((event) => event.startsWith('end'))).toHaveLength(3);
      expect(milter.last?.queueId).toBe('Q3');
    } finally {
      await milter.server.end(0);
      folder.remove();
    }
  });
});
