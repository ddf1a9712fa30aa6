/**
 * A complete, separate Sendmail in a scratch folder: SMTP on a free loopback port, with one milter; it relays for
 * everybody, and all mail goes to the next hop.
 *
 * The program comes from Debian's packages, unpacked but not installed because they conflict with Postfix: see .ci/run.
 * It refuses to work below a world-writable folder such as /tmp, and waits a minute for a host name with a dot. So it runs
 * in a mount namespace, where program and instance are below /mnt, and in a UTS namespace with a name of its own.
 * It asks no DNS: its service switch knows only a hosts file.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Folder, scratchFolder, until } from './folder.ts';
import { available, freePorts, missingParts, spawnServer, stopServer } from './server.ts';
import { SmtpClient } from './smtp-client.ts';

/** The folder that .ci/run fills. */
const UNPACKED = join(tmpdir(), 'postern-sendmail/root');
const HOST = 'mx.example.net';

export function hasSendmail(): boolean {
  const files = ['usr/libexec/sendmail/sendmail', 'usr/bin/m4', 'usr/share/sendmail/cf/m4/cf.m4'];
  const needed = [...files.map((name) => join(UNPACKED, name)), '/usr/bin/unshare'];
  return available('Sendmail', missingParts(needed, []));
}

/** miltertest (OpenDKIM), which plays the mail server; undefined if it is not unpacked. */
export function findMiltertest(): readonly string[] | undefined {
  const program = join(UNPACKED, 'usr/bin/miltertest');
  if (!existsSync(program)) return undefined;
  return ['env', `LD_LIBRARY_PATH=${join(UNPACKED, 'usr/lib/x86_64-linux-gnu')}`, program];
}

export interface SendmailOptions {
  /** port of the next hop */
  readonly nextHopPort: number;
  /** the milter's address as Sendmail writes it; `{dir}` stands for the scratch folder */
  readonly milter: string;
  /** lines for sendmail.mc */
  readonly mc?: string;
}

export interface SendmailServer {
  readonly folder: Folder;
  readonly port: number;
  /** sendmail.cf */
  readonly configuration: string;
  /** both sides of its SMTP sessions, and what it printed */
  evidence(): string;
  stop(): Promise<void>;
}

/** The folder is made by the caller, because the milter's socket may be in it; it is removed with the server. */
export async function startSendmail(
  folder: Folder,
  options: SendmailOptions,
): Promise<SendmailServer> {
  const [port] = (await freePorts(1)) as [number];
  folder.write('hosts', `127.0.0.1 localhost ${HOST}\n`);
  folder.write('service.switch', 'hosts files\naliases files\n');
  folder.write('sendmail.mc', configurationText(port, options));
  folder.write('start.sh', START);
  mkdirSync(folder.at('queue'), { mode: 0o700 });
  const evidence = () => folder.read('output') + folder.read('traffic');
  const argv = ['unshare', '--mount', '--uts', 'sh', folder.at('start.sh'), UNPACKED, folder.path];
  const guard = spawnServer(argv, { output: folder.at('output') });
  const stop = async () => {
    await stopServer(guard);
    folder.remove();
  };
  try {
    await until('Sendmail to start', () => greets(port), { evidence, timeout: 20_000 });
  } catch (error) {
    await stop();
    throw error;
  }
  return { folder, port, configuration: folder.at('sendmail.cf'), evidence, stop };
}

/** A scratch folder that Sendmail takes for safe. */
export function sendmailFolder(): Folder {
  return scratchFolder('postern-sendmail-');
}

async function greets(port: number): Promise<boolean> {
  try {
    const client = await SmtpClient.open({ port });
    await client.quit();
    return true;
  } catch {
    return false;
  }
}

/** Runs in namespaces of its own: nothing of it is seen outside, and nothing is left. */
const START = `set -e
mount -t tmpfs -o mode=0755 none /mnt
mkdir /mnt/sendmail /mnt/instance
mount --bind "$1" /mnt/sendmail
mount --bind "$2" /mnt/instance
hostname ${HOST}
export LD_LIBRARY_PATH=/mnt/sendmail/usr/lib/x86_64-linux-gnu
cf=/mnt/sendmail/usr/share/sendmail/cf
/mnt/sendmail/usr/bin/m4 -D_CF_DIR_=$cf/ $cf/m4/cf.m4 /mnt/instance/sendmail.mc >/mnt/instance/sendmail.cf
exec /mnt/sendmail/usr/libexec/sendmail/sendmail -bD -C /mnt/instance/sendmail.cf -X /mnt/instance/traffic
`;

function configurationText(
  port: number,
  { nextHopPort, milter, mc = '' }: SendmailOptions,
): string {
  const socket = milter.replace('{dir}', '/mnt/instance');
  return `divert(0)dnl
OSTYPE(\`linux')
define(\`confDOMAIN_NAME', \`${HOST}')
define(\`confSERVICE_SWITCH_FILE', \`/mnt/instance/service.switch')
define(\`confHOSTS_FILE', \`/mnt/instance/hosts')
define(\`QUEUE_DIR', \`/mnt/instance/queue')
define(\`confPID_FILE', \`/mnt/instance/sendmail.pid')
define(\`STATUS_FILE', \`/mnt/instance/statistics')
define(\`ALIAS_FILE', \`')
define(\`confTO_IDENT', \`0')
define(\`confBAD_RCPT_THROTTLE', \`')
define(\`confDEF_USER_ID', \`8:8')
define(\`confQUEUE_LA', \`9999')
define(\`confREFUSE_LA', \`9999')
define(\`SMTP_MAILER_ARGS', \`TCP $h ${nextHopPort}')
define(\`ESMTP_MAILER_ARGS', \`TCP $h ${nextHopPort}')
define(\`RELAY_MAILER_ARGS', \`TCP $h ${nextHopPort}')
define(\`SMART_HOST', \`esmtp:[127.0.0.1]')
FEATURE(\`no_default_msa')
FEATURE(\`promiscuous_relay')
FEATURE(\`accept_unresolvable_domains')
DAEMON_OPTIONS(\`Port=${port}, Addr=127.0.0.1, Name=MTA')
INPUT_MAIL_FILTER(\`postern', \`S=${socket}, F=T, T=C:5s;S:5s;R:5s;E:10s')
${mc}
MAILER(\`local')
MAILER(\`smtp')
`;
}
