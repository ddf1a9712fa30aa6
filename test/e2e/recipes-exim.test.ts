/** What docs/mta/exim.md promises, on a real Exim: somebody is listed by hand, and Exim honours it. */
import {
  chmodSync,
  cpSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { type EximServer, hasExim, RECIPES, startExim } from '../support/exim.ts';
import { debianConfiguration, etcExim, hasDebianConfiguration } from '../support/exim-debian.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { idOf, run } from '../support/server.ts';
import { type Sink, startSink } from '../support/sink.ts';
import { type ConnectOptions, sendMail } from '../support/smtp-client.ts';

const ALICE = { user: 'alice@example.net', password: 'secret' };
const BOB = { user: 'bob@example.net', password: 'secret' };
const MESSAGE = 'Subject: x\n\nx\n';

let sink: Sink;
let server: EximServer;

const submit = (auth: typeof ALICE, recipient: string, sender = auth.user) =>
  sendMail({ port: server.port, auth }, { sender, recipients: [recipient] });
const relay = (from: Partial<ConnectOptions>, recipient: string) =>
  sendMail({ port: server.port, ...from }, { sender: 'app@example.net', recipients: [recipient] });
const list = (...lines: string[]) =>
  writeFileSync(server.blockedUsers, lines.map((line) => `${line}\n`).join(''));
const frozen = (sender: string) => server.queued((mail) => mail.frozen && mail.sender === sender);
/** The event of a line, as `postern parse` prints it. */
async function parse(line: string): Promise<unknown> {
  const printed: string[] = [];
  const io = { stdout: (text: string) => void printed.push(text), stderr: () => {} };
  await main(['parse', '--mta', 'exim', server.folder.write('one.log', `${line}\n`)], io);
  return JSON.parse(printed.join(''));
}
const header = (queueId: string) => server.exim(['-Mvh', queueId]);

async function stopAll(): Promise<void> {
  await server?.stop();
  await sink?.stop();
}

/** Nothing of one test is left for the next. */
async function clear(): Promise<void> {
  rmSync(server.blockedUsers, { force: true });
  rmSync(server.blockedSenders, { force: true });
  const ids = (await server.queue()).map((mail) => mail.queueId);
  if (ids.length > 0) await server.exim(['-Mrm', ...ids]);
  sink.clear();
}

describe.runIf(hasExim())('acl-blocked.conf and acl-local.conf', () => {
  beforeAll(async () => {
    sink = await startSink();
    server = await startExim({ sinkPort: sink.port });
  });
  afterEach(clear);
  afterAll(stopAll);

  it('freezes the mail of a listed user with the header, and of nobody else', async () => {
    list('alice@example.net');
    expect((await submit(ALICE, 'held@example.org')).data?.code).toBe(250);
    const { queueId } = await frozen('alice@example.net');
    expect(await header(queueId)).toContain('X-Authenticated-As: alice@example.net\n');
    await submit(BOB, 'untouched@example.org');
    const mail = await sink.messageTo('untouched@example.org');
    expect(mail.data).not.toContain('X-Authenticated-As');
    expect(sink.recipients).not.toContain('held@example.org');
  });

  it('delivers again when the line is gone, also what was frozen', async () => {
    list('alice@example.net');
    await submit(ALICE, 'before@example.org');
    const { queueId } = await frozen('alice@example.net');
    list();
    await submit(ALICE, 'after@example.org');
    await sink.messageTo('after@example.org');
    await server.exim(['-Mt', queueId]);
    await server.exim(['-M', queueId]);
    await sink.messageTo('before@example.org');
  });

  it('freezes a relay client by IPv4 address, and no other', async () => {
    list('127.0.0.2');
    await relay({ localAddress: '127.0.0.2' }, 'infected@example.org');
    const { queueId } = await frozen('app@example.net');
    expect(await header(queueId)).toContain('X-User: 127.0.0.2\n');
    await relay({ localAddress: '127.0.0.3' }, 'healthy@example.org');
    await sink.messageTo('healthy@example.org');
  });

  it('freezes a relay client by IPv6 address, and no other', async () => {
    const dialogue = (recipient: string) => [
      'EHLO client.example.net',
      'MAIL FROM:<app@example.net>',
      `RCPT TO:<${recipient}>`,
      'DATA',
      MESSAGE.trimEnd().replaceAll('\n', '\r\n'),
      '.',
      'QUIT',
    ];
    list('"2001:db8:1::7"');
    await server.smtpFrom('2001:db8:1::7', dialogue('infected@example.org'));
    await frozen('app@example.net');
    await server.smtpFrom('2001:db8:1::8', dialogue('healthy@example.org'));
    await sink.messageTo('healthy@example.org');
    expect(sink.recipients).not.toContain('infected@example.org');
  });

  it('judges an authenticated user by the account, not by the address', async () => {
    list('127.0.0.1');
    await submit(BOB, 'shared@example.org');
    await sink.messageTo('shared@example.org');
  });

  it('freezes the mail of a listed local account, and of no other', async () => {
    list('www-data');
    await server.sendmail('www-data', ['-f', 'app@example.net', 'shell@example.org'], MESSAGE);
    const { queueId } = await frozen('app@example.net');
    expect(await header(queueId)).toContain('X-User: www-data\n');
    await server.sendmail('backup', ['-f', 'b@example.net', 'other@example.org'], MESSAGE);
    await sink.messageTo('other@example.org');
  });

  /** `sendmail -bs`, called by a local account. */
  const speak = (account: string, sender: string, recipient: string, ...first: string[]) =>
    server.exim(
      ['-oMt', account, '-oMai', account, '-bs'],
      [
        'EHLO localhost',
        ...first,
        `MAIL FROM:<${sender}>`,
        `RCPT TO:<${recipient}>`,
        'DATA',
        ...MESSAGE.trimEnd().split('\n'),
        '.',
        'QUIT',
      ]
        .map((line) => `${line}\r\n`)
        .join(''),
    );
  const LOGIN = `AUTH PLAIN ${Buffer.from(`\0${ALICE.user}\0${ALICE.password}`).toString('base64')}`;

  it('freezes the mail of a listed user who logs in to sendmail -bs, and it is the mail of the user', async () => {
    list('alice@example.net');
    await speak('www-data', 'bs@example.net', 'held@example.org', LOGIN);
    const { queueId } = await frozen('bs@example.net');
    expect(await header(queueId)).toContain('X-Authenticated-As: alice@example.net\n');
    const line = await server.logged(new RegExp(` ${queueId} <= .* P=local-esmtpa A=`));
    expect(line).toContain(' U=www-data ');
    expect(await parse(line)).toMatchObject({
      kind: 'accepted',
      submitter: { type: 'user', id: 'alice@example.net' },
    });
    list('www-data');
    await speak('www-data', 'bs2@example.net', 'untouched@example.org', LOGIN);
    await sink.messageTo('untouched@example.org');
  });

  it('freezes the mail of a listed local account by sendmail -bs', async () => {
    list('www-data');
    await speak('www-data', 'bs3@example.net', 'held@example.net');
    const { queueId } = await frozen('bs3@example.net');
    expect(await header(queueId)).toContain('X-User: www-data\n');
    expect(await header(queueId)).not.toContain('X-Authenticated-As');
  });

  it('freezes a sender', async () => {
    writeFileSync(server.blockedSenders, 'newsletter@example.net\n');
    await submit(BOB, 'letter@example.org', 'newsletter@example.net');
    await frozen('newsletter@example.net');
    await submit(BOB, 'own@example.org');
    await sink.messageTo('own@example.org');
  });

  it('answers 451 when the file is there and Exim may not read it', async () => {
    list('alice@example.net');
    chmodSync(server.blockedUsers, 0o600);
    expect((await submit(BOB, 'open@example.org')).data?.code).toBe(451);
  });
});

describe.runIf(hasExim())('a delivery to a pipe', () => {
  const ROUTER =
    'piped:\n  driver = redirect\n  local_parts = piped\n  data = "|/bin/cat --password=secret"\n  pipe_transport = address_pipe\n  user = nobody\n  group = nogroup\n';
  const TRANSPORT = 'address_pipe:\n  driver = pipe\n  ignore_status\n  return_output = false\n';
  beforeAll(async () => {
    sink = await startSink();
    const edit = (text: string) =>
      text
        .replace('begin routers\n', (line) => `${line}\n${ROUTER}`)
        .replace('begin transports\n', (line) => `${line}\n${TRANSPORT}`);
    server = await startExim({ sinkPort: sink.port, edit });
  });
  afterAll(stopAll);

  it('has the address as its recipient, not the command', async () => {
    await submit(ALICE, 'piped@example.net');
    const line = await server.logged(/ (?:=>|\*\*|==) \|\/bin\/cat/);
    expect(line).toContain(' <piped@example.net> ');
    const event = await parse(line);
    expect(event).toMatchObject({ recipient: 'piped@example.net' });
    expect(JSON.stringify(event)).not.toContain('secret');
  });
});

describe.runIf(hasExim())('acl-callout.conf', () => {
  beforeAll(async () => {
    sink = await startSink();
    server = await startExim({ sinkPort: sink.port, recipes: ['blocked', 'local', 'callout'] });
  });
  afterEach(clear);
  afterAll(stopAll);

  const base64 = (text: string) => Buffer.from(text).toString('base64');

  it('accepts an unknown recipient and logs who and what, at RCPT', async () => {
    const replies = await submit(ALICE, 'nobody-home@example.org');
    expect(replies.recipients.map((reply) => reply.code)).toEqual([250]);
    const line = await server.logged(/postern: invalid .*recipient=bm9ib2R5LWhvbWV/);
    expect(line).toContain(
      `Warning: postern: invalid user=${base64(ALICE.user)} sender=${base64(ALICE.user)} ` +
        `recipient=${base64('nobody-home@example.org')}: 127.0.0.1 [127.0.0.1] : SMTP error from ` +
        'remote mail server after RCPT TO:<nobody-home@example.org>: 550 5.1.1 ',
    );
  });

  it('logs nothing for a good recipient, nor for a client that may not relay', async () => {
    const before = server.log().split('postern: invalid').length;
    await submit(ALICE, 'somebody@example.org');
    await sink.messageTo('somebody@example.org');
    await relay({}, 'nobody-relayed@example.org');
    expect(server.log().split('postern: invalid')).toHaveLength(before);
  });

  it('cannot be made to lie by a quoted local part', async () => {
    const recipient = '"nobody: user=bob sender=x"@example.org';
    await submit(ALICE, recipient);
    await server.logged(new RegExp(`recipient=${base64(recipient).replaceAll('+', '\\+')}: `));
  });

  it('logs the relay client of an unauthenticated session', async () => {
    await relay({ localAddress: '127.0.0.2' }, 'nobody-infected@example.org');
    await server.logged(/ \[127\.0\.0\.2\] Warning: postern: invalid user= sender=/);
  });

  it('asks no more for whom is blocked already', async () => {
    list('alice@example.net');
    await submit(ALICE, 'nobody-blocked@example.org');
    await frozen('alice@example.net');
    expect(sink.recipients).not.toContain('nobody-blocked@example.org');
  });
});

describe.runIf(hasExim() && hasDebianConfiguration()).each(['split', 'single'] as const)(
  "Debian's configuration, %s",
  (style) => {
    beforeAll(async () => {
      sink = await startSink();
      const configuration = debianConfiguration(style, { callout: true });
      server = await startExim({ sinkPort: sink.port, configuration });
    });
    afterEach(clear);
    afterAll(stopAll);

    it('freezes the mail of a listed user, and of nobody else', async () => {
      list('alice@example.net');
      await submit(ALICE, 'held@example.org');
      const { queueId } = await frozen('alice@example.net');
      expect(await header(queueId)).toContain('X-Authenticated-As: alice@example.net\n');
      await submit(BOB, 'untouched@example.org');
      await sink.messageTo('untouched@example.org');
    });

    it('freezes relay clients and local accounts', async () => {
      list('127.0.0.2', 'www-data');
      await relay({ localAddress: '127.0.0.2' }, 'infected@example.org');
      await frozen('app@example.net');
      await server.sendmail('www-data', ['-f', 'web@example.net', 'shell@example.org'], MESSAGE);
      await frozen('web@example.net');
    });

    it('logs unknown recipients at RCPT', async () => {
      await submit(ALICE, 'nobody-home@example.org');
      await server.logged(/ Warning: postern: invalid user=/);
    });

    it('leaves the hooks to an operator who has set them', async () => {
      const own = server.folder.write('own-data.conf', '  warn logwrite = OWN HOOK\n');
      const before = `CHECK_DATA_LOCAL_ACL_FILE = ${own}\nMAIN_ACL_CHECK_RCPT = acl_check_rcpt`;
      const configuration = debianConfiguration(style, { callout: true, before });
      await server.reconfigure({ sinkPort: sink.port, configuration });
      await submit(BOB, 'hooked@example.org');
      await server.logged(/OWN HOOK/);
    });

    it("still refuses what Debian's own ACL refuses", async () => {
      const replies = await relay({}, 'stranger@example.org');
      expect(replies.recipients).toEqual([{ code: 550, text: 'relay not permitted' }]);
    });
  },
);

describe.runIf(hasDebianConfiguration())('the commands of docs/mta/exim.md', () => {
  let folder: Folder;
  beforeEach(() => {
    folder = scratchFolder();
    cpSync(etcExim(), folder.at('exim4'), { recursive: true });
  });
  afterEach(() => folder.remove());

  /** Runs the commands under a heading, in a copy of /etc/exim4, without the restart. */
  async function follow(heading: string): Promise<void> {
    const page = readFileSync('docs/mta/exim.md', 'utf8');
    const section = page.slice(page.indexOf(`## ${heading}\n`)).split(/\n## /)[0] as string;
    const commands = [...section.matchAll(/^ {4}(.*)$/gm)].map(([, line]) => line as string);
    expect(commands.length).toBeGreaterThan(4);
    const script = commands
      .filter((line) => !line.startsWith('update-exim4.conf'))
      .join('\n')
      .replaceAll('"$(npm root -g)"/postern', process.cwd())
      .replaceAll('/etc/exim4', folder.at('exim4'));
    await run(['/bin/sh', '-e', '-c', script]);
  }

  const lines = (name: string) =>
    folder
      .read(`exim4/${name}`)
      .split('\n')
      .filter((line) => line.startsWith('.include'));
  const include = (name: string) => `.include ${folder.at('exim4')}/postern/${name}`;

  it.each([
    ['Debian, split configuration', 'conf.d/main/000_postern', 'conf.d/acl/10_postern'],
    ['Debian, single file', 'exim4.conf.localmacros', 'exim4.conf.template'],
  ])('%s: they can be repeated, and undone', async (heading, main, acls) => {
    await follow(heading);
    await follow(heading);
    expect(lines(main)).toEqual([include('debian.conf')]);
    expect(lines(acls)).toEqual([include('debian-acl.conf')]);
    expect(readdirSync(folder.at('exim4/postern')).sort()).toEqual(readdirSync(RECIPES).sort());
    if (acls === 'exim4.conf.template')
      expect(folder.read(`exim4/${acls}`)).toContain(
        `\nbegin acl\n${include('debian-acl.conf')}\n`,
      );
    await follow('Undo');
    rmSync(folder.at('exim4/exim4.conf.localmacros'), { force: true }); // empty now
    await run(['diff', '-r', etcExim(), folder.at('exim4')]);
  });

  it('another account than Exim: the file belongs to the group that reads it', async () => {
    const page = readFileSync('docs/mta/exim.md', 'utf8');
    const command = /^ {4}(install -d .*)$/m.exec(page)?.[1] ?? '';
    const place = folder.at('blocks');
    await run(['/bin/sh', '-c', command.replace('-o postern', '-o nobody').replace(/\S+$/, place)]);
    const file = join(place, 'blocked_users');
    const umask = `umask 027; : > ${file}`;
    await run([
      'setpriv',
      '--reuid=nobody',
      '--regid=nogroup',
      '--clear-groups',
      'sh',
      '-c',
      umask,
    ]);
    const { gid, mode } = statSync(file);
    expect([gid, mode & 0o777]).toEqual([idOf('/etc/group', 'Debian-exim'), 0o640]);
  });
});
