/** One service for several mail servers: kept apart, each with its own files and commands. docs/instances.md. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { runCommand } from '../../src/base/commands.ts';
import { openConfigs, parseConfig } from '../../src/config/load.ts';
import { type Folder, scratchFolder, until } from '../support/folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PROGRAM = join(ROOT, 'dist/cli/main.js');

let folder: Folder;
let service: ChildProcess | undefined;
let out: string;
let serial = 0;

beforeEach(() => {
  folder = scratchFolder();
  out = '';
  for (const name of ['red', 'blue', 'exim']) mkdirSync(folder.at(name));
  for (const name of ['mail.log', 'mainlog', 'commands']) folder.write(name, '');
  folder.write('postern.yaml', stringify(configuration()));
});
afterEach(async () => {
  if (service === undefined) return folder.remove();
  const ended = new Promise((done) => service?.once('exit', done));
  service.kill('SIGTERM');
  await ended;
  service = undefined;
  folder.remove();
});

/** Two instances of postmulti in one log, and an Exim. Each command writes down that it ran. */
function configuration() {
  const note = (words: string) => [
    '/bin/sh',
    '-c',
    `echo "$@" >> ${folder.at('commands')}`,
    '--',
    words,
  ];
  const postfix = (name: string) => ({
    name,
    syslogNames: [`postfix-${name}`],
    trustedNetworks: ['127.0.0.0/8'],
    targets: {
      postfix: {
        user: { file: folder.at(`${name}/users`), type: 'texthash' },
        uid: false,
        reload: note(`reload ${name}`),
      },
    },
  });
  return {
    logs: ['mail.log'],
    database: 'common.db',
    queue: { hold: false },
    commands: { postqueue: note('queue'), postconf: note('conf') },
    instances: [
      postfix('red'),
      postfix('blue'),
      {
        name: 'exim',
        mta: 'exim',
        logs: ['mainlog'],
        host: 'mx9',
        trustedNetworks: ['127.0.0.0/8'],
        targets: { exim: { blockedUsers: folder.at('exim/users') } },
        commands: { exim: note('exim') },
      },
    ],
  };
}

function start(): void {
  service = spawn(process.execPath, [PROGRAM, 'run', '--config', folder.at('postern.yaml')]);
  service.stderr?.on('data', (text) => {
    out += text;
  });
}

async function postern(...args: string[]) {
  const [name = '', ...rest] = args;
  const argv = [process.execPath, PROGRAM, name, '--config', folder.at('postern.yaml'), ...rest];
  const { status, stdout, stderr } = await runCommand(argv, { timeout: 30_000 });
  return { status, out: stdout, err: stderr };
}

/** Alice mails people who do not exist, through this instance of Postfix. */
function mailPostfix(instance: string, people: number): void {
  const id = `9A3F41C${String(++serial).padStart(3, '0')}`;
  const line = (daemon: string, text: string) =>
    `${new Date().toISOString()} mx1 postfix-${instance}/${daemon}[355]: ${id}: ${text}\n`;
  const bounces = Array.from({ length: people }, (_, index) =>
    line(
      'smtp',
      `to=<nobody${serial}-${index}@example.com>, relay=mx.example.com[192.0.2.25]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.example.com[192.0.2.25] said: 550 5.1.1 User unknown (in reply to RCPT TO command))`,
    ),
  );
  const lines = [
    line('submission/smtpd', 'client=unknown[203.0.113.9], sasl_method=LOGIN, sasl_username=alice'),
    line('cleanup', `message-id=<${id}@pc.example.net>`),
    line('qmgr', `from=<alice@example.net>, size=900, nrcpt=${people} (queue active)`),
    ...bounces,
    line('qmgr', 'removed'),
  ];
  appendFileSync(folder.at('mail.log'), lines.join(''));
}

const blocked = (name: string) => folder.read(`${name}/users`).includes('alice');
const started = () => out.split('"started"').length > 3;

describe('one service for several mail servers', () => {
  it('keeps their submitters apart', { timeout: 60_000 }, async () => {
    start();
    await until('three starts', started, { evidence: () => out });
    mailPostfix('red', 70);
    mailPostfix('blue', 70);
    const events = async (name: string) =>
      (await postern('events', '--format', 'json', '--instance', name)).out.trim().split('\n')
        .length;
    await until(
      'the events',
      async () => (await events('red')) > 70 && (await events('blue')) > 70,
    );
    expect([blocked('red'), blocked('blue')]).toEqual([false, false]);
    mailPostfix('blue', 60);
    await until('the block', () => blocked('blue'));
    expect([blocked('red'), blocked('exim')]).toEqual([false, false]);
    await until('the reload', () => folder.read('commands').includes('reload blue'));
    const { out: list } = await postern('blocks');
    expect(list).toMatch(/^instance red:\nNobody is blocked\.\ninstance blue:\n.*alice/s);
    const json = (await postern('blocks', '--format', 'json')).out.trim().split('\n');
    expect(json.map((line) => JSON.parse(line))).toMatchObject([{ instance: 'blue' }]);
    expect(out).toMatch(/"instance":"blue".*"msg":"verdict"/);
  });

  it('takes the instance of a command by its name', { timeout: 60_000 }, async () => {
    start();
    await until('three starts', started);
    const without = await postern('block', 'eve@example.net');
    expect(without).toMatchObject({ status: 2, out: '' });
    expect(without.err).toContain(
      'has the instances red, blue, exim: name one of them with --instance',
    );
    await postern('block', 'eve@example.net', '--instance', 'exim');
    await until('the line', () => folder.read('exim/users').includes('eve@example.net'));
    expect(folder.read('red/users')).not.toContain('eve');
    const wrong = await postern('blocks', '--instance', 'green');
    expect(wrong).toMatchObject({ status: 2, err: expect.stringContaining('red, blue, exim') });
    const status = await postern('status', '--format', 'json');
    const lines = status.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ instance, running }) => [instance, running])).toEqual([
      ['red', true],
      ['blue', true],
      ['exim', true],
    ]);
    const check = await postern('check');
    expect(check.out.match(/^instance \w+:$/gm)).toEqual([
      'instance red:',
      'instance blue:',
      'instance exim:',
    ]);
    await postern('unblock', 'eve@example.net', '--instance', 'exim');
    await until('no line', () => !folder.read('exim/users').includes('eve@example.net'));
  });

  it('reads them all again at SIGHUP, and keeps the old ones if the new ones are wrong', async () => {
    start();
    await until('three starts', started);
    folder.write('postern.yaml', `${stringify(configuration())}nonsense: true\n`);
    service?.kill('SIGHUP');
    await until('a refusal', () => out.includes('new configuration refused'));
    folder.write('postern.yaml', stringify(configuration()));
    service?.kill('SIGHUP');
    await until('three more starts', () => out.split('"started"').length > 6);
  });
});

describe('lines of a log host', () => {
  it('belong to the instance of their host', async () => {
    const config = folder.write(
      'central.yaml',
      `logs: [ central.log ]
logHosts: [ mx2 ]
`,
    );
    const line = (host: string, to: string) =>
      `Nov  1 09:05:07 ${host} postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.8]: 550 5.1.1 <${to}>: Recipient address rejected: User unknown; from=<s@example.org> to=<${to}> proto=ESMTP helo=<mx1>\n`;
    const log = folder.write(
      'central.log',
      line('mx1', 'a@example.com') + line('mx2', 'b@example.com'),
    );
    const argv = [process.execPath, PROGRAM, 'parse', log, '--config', config, '--format', 'json'];
    const { stdout } = await runCommand(argv, { timeout: 30_000 });
    expect(
      stdout
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text).recipient),
    ).toEqual(['b@example.com']);
  });
});

describe('docs/instances.md', () => {
  const page = readFileSync(join(ROOT, 'docs/instances.md'), 'utf8');
  const examples = [...page.matchAll(/```yaml\n([^`]*)```/g)].map(([, text]) => text as string);

  it.each(examples)('has configurations that load: %#', (text) => {
    const loaded = openConfigs(folder.write('example.yaml', text));
    expect(loaded.map(({ config }) => config.instance)).toHaveLength(2);
    const databases = loaded.map(({ config }) => config.database);
    expect(databases).toEqual(loaded.map(({ config }) => `/var/lib/postern/${config.instance}.db`));
  });

  it('gives the commands the folder of their instance', () => {
    const [red] = openConfigs(folder.write('example.yaml', examples[0] ?? ''));
    expect(red?.config.commands.postsuper).toEqual([
      '/usr/sbin/postsuper',
      '-c',
      '/etc/postfix-red',
    ]);
    expect(red?.config.targets.postfix.client?.file).toBe('/etc/postfix-red/postern/client_access');
    expect(red?.config.notify?.to).toEqual(['abuse@example.net']);
  });

  it('leaves what stands at the top to the milter', () => {
    expect(parseConfig('milter: {}\ninstances: [ { name: a } ]\n', 'p.yaml').milter).toBeDefined();
  });
});
