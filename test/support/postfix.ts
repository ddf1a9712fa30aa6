/**
 * A complete, separate Postfix in a scratch folder: SMTP and submission on free loopback ports, SASL users; all mail that
 * is not local goes to the sink. It never reads or writes /etc/postfix/main.cf.
 *
 * Unauthenticated relay clients are 127.0.0.2, 127.0.0.3, ::1, 198.51.100.0/24 and 2001:db8:1::/64; 127.0.0.1
 * is a stranger, which may use XCLIENT to come from any address.
 */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Folder, makeOld, scratchFolder, until } from './folder.ts';
import { type MailServer, watched } from './mail-server.ts';
import { DAEMONS, mainCf, masterCf, type Ports, type PostfixOptions } from './postfix-config.ts';
import {
  available,
  freePorts,
  hasIpv6,
  idOf,
  missingParts,
  run,
  spawnServer,
  stopServer,
  withResolver,
} from './server.ts';

const USERS = { 'alice@example.net': 'secret', 'bob@example.net': 'secret' };
const MASTER = join(DAEMONS, 'master');

export function hasPostfix(): boolean {
  const files = ['/usr/sbin/postfix', MASTER, '/usr/sbin/saslpasswd2', '/usr/bin/setsid'];
  return available('Postfix', missingParts(files, ['postfix', 'www-data']));
}

/** A message in the queue, as `postqueue -j` has it. */
export interface QueuedMail {
  readonly queueId: string;
  /** hold, deferred, active, incoming */
  readonly queue: string;
  readonly sender: string;
  readonly recipients: readonly string[];
}

export interface PostfixServer extends MailServer<QueuedMail> {
  /** folder of main.cf: what stands for /etc/postfix */
  readonly configuration: string;
  readonly smtpPort: number;
  readonly submissionPort: number;
  /** Adds lines to main.cf and reloads. */
  configure(mainCf: string): Promise<void>;
  reload(): Promise<void>;
  /** `postmap` with this configuration; `map` is `type:file`. */
  postmap(map: string): Promise<void>;
  /** The same with `postalias`. */
  postalias(map: string): Promise<void>;
  postsuper(...args: readonly string[]): Promise<string>;
  /** Hands a message to sendmail(1) as a local account. */
  sendmail(login: string, args: readonly string[], message: string): Promise<SendmailResult>;
}

export interface SendmailResult {
  readonly status: number | null;
  readonly output: string;
}

/** The map type that a real installation uses: lmdb where Postfix has it, else hash. */
export async function indexedMapType(): Promise<'lmdb' | 'hash'> {
  const folder = scratchFolder();
  try {
    folder.write('main.cf', 'compatibility_level = 3.6\n');
    const types = await run(['postconf', '-c', folder.path, '-m']);
    return types.split('\n').includes('lmdb') ? 'lmdb' : 'hash';
  } finally {
    folder.remove();
  }
}

/** Starts it and waits until it answers; removes everything again when that fails. */
export async function startPostfix(options: PostfixOptions): Promise<PostfixServer> {
  const folder = scratchFolder('postern-postfix-');
  const [smtpPort, submissionPort] = (await freePorts(2)) as [number, number];
  const ports = { smtpPort, submissionPort, ipv6: hasIpv6() };
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of stops.splice(0)) await end();
    folder.remove();
  };
  try {
    await writeInstance(folder, ports, options);
    const argv = [MASTER, '-c', folder.at('etc'), '-d'];
    const { resolver } = options;
    const resolvConf = folder.write('resolv.conf', `nameserver ${resolver}\n`);
    const master = spawnServer(resolver === undefined ? argv : withResolver(argv, resolvConf), {
      folder: folder.path,
    });
    stops.push(() => stopServer(master));
    const log = () => folder.read('mail.log');
    await until('Postfix to start', () => log().includes('daemon started'), { evidence: log });
  } catch (error) {
    await stop();
    throw error;
  }
  return { folder, ...ports, stop, ...operations(folder) };
}

async function writeInstance(folder: Folder, ports: Ports, options: PostfixOptions): Promise<void> {
  folder.write('etc/main.cf', mainCf(folder, options));
  folder.write('etc/master.cf', masterCf(ports, options));
  await addUsers(folder, options.users ?? USERS);
  mkdirSync(folder.at('queue'));
  mkdirSync(folder.at('data'));
  chownSync(folder.at('data'), idOf('/etc/passwd', 'postfix') as number, 0);
  await run(['postfix', '-c', folder.at('etc'), 'check']);
}

/** What a running instance can be asked to do. */
function operations(folder: Folder): Omit<PostfixServer, keyof Ports | 'folder' | 'stop'> {
  const configuration = folder.at('etc');
  const watching = watched(folder, 'mail.log', () => listQueue(configuration));
  const { log } = watching;
  return {
    ...watching,
    configuration,
    async configure(lines) {
      appendFileSync(folder.at('etc/main.cf'), `\n${lines.replaceAll('{dir}', configuration)}\n`);
      makeOld(folder.at('etc/main.cf'));
      await reload(folder, log);
    },
    reload: () => reload(folder, log),
    async postmap(map) {
      await run(['postmap', '-c', configuration, map]);
    },
    async postalias(map) {
      await run(['postalias', '-c', configuration, map]);
    },
    postsuper: (...args) => run(['postsuper', '-c', configuration, ...args]),
    sendmail: (login, args, message) => sendmail(configuration, login, args, message),
  };
}

async function addUsers(folder: Folder, users: Readonly<Record<string, string>>): Promise<void> {
  const database = folder.at('etc/sasl/sasldb2');
  folder.write(
    'etc/sasl/smtpd.conf',
    `pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\nsasldb_path: ${database}\n`,
  );
  for (const [user, password] of Object.entries(users)) {
    const [name, realm] = user.split('@') as [string, string];
    await run(['saslpasswd2', '-p', '-c', '-f', database, '-u', realm, name], password);
  }
  chownSync(database, 0, idOf('/etc/group', 'postfix') as number);
  chmodSync(database, 0o640);
}

async function reload(folder: Folder, log: () => string): Promise<void> {
  const count = () => log().split(': reload -- ').length;
  const before = count();
  const old = listSmtpd(Number(folder.read('queue/pid/master.pid')));
  await run(['postfix', '-c', folder.at('etc'), 'reload']);
  await until('the reload', () => count() > before, { evidence: log });
  await waitForEnd(old);
}

/** Process IDs of the smtpd(8) that this master(8) runs. */
function listSmtpd(master: number): number[] {
  const isOurs = (pid: string) => {
    try {
      const [, parent] =
        /^\d+ \(smtpd\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
      return Number(parent) === master;
    } catch {
      return false; // it has ended
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isOurs(name))
    .map(Number);
}

/** An idle smtpd(8) soon hears of the reload and ends; until then it may take the next client. One that serves somebody stays. */
async function waitForEnd(pids: readonly number[]): Promise<void> {
  for (let tries = 0; tries < 100 && pids.some((pid) => existsSync(`/proc/${pid}`)); tries++)
    await setTimeout(10);
}

async function listQueue(configuration: string): Promise<QueuedMail[]> {
  const output = await run(['postqueue', '-c', configuration, '-j']);
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const entry = JSON.parse(line);
      return {
        queueId: entry.queue_id,
        queue: entry.queue_name,
        sender: entry.sender,
        recipients: entry.recipients.map((recipient: { address: string }) => recipient.address),
      };
    });
}

/**
 * Runs sendmail(1) under another account. Its group is postdrop: postdrop(1) follows a foreign configuration
 * folder only when it does not need its set-gid bit.
 */
function sendmail(
  configuration: string,
  login: string,
  args: readonly string[],
  message: string,
): Promise<SendmailResult> {
  const child = spawn('/usr/sbin/sendmail', [...args], {
    uid: idOf('/etc/passwd', login) as number,
    gid: idOf('/etc/group', 'postdrop') as number,
    cwd: '/',
    env: { PATH: process.env.PATH ?? '', MAIL_CONFIG: configuration },
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  child.stdin.on('error', () => {}); // it may refuse before it reads
  child.stdin.end(message);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}
