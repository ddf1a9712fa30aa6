/**
 * A complete, separate Exim in a scratch folder: SMTP on a free loopback port, AUTH PLAIN; all mail that is not local
 * goes to the sink. The ACL statements are included from docs/mta/exim.
 *
 * The program comes from Debian's packages, unpacked but not installed because they conflict with Postfix: see .ci/run.
 * Unauthenticated relay clients are 127.0.0.2, 127.0.0.3, ::1, 198.51.100.0/24 and 2001:db8:1::/64; 127.0.0.1 is a stranger.
 */
import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Folder, scratchFolder, until } from './folder.ts';
import { type MailServer, watched } from './mail-server.ts';
import {
  available,
  endStragglers,
  freePorts,
  hasIpv6,
  idOf,
  missingParts,
  run,
  spawnServer,
  stopServer,
  withResolver,
} from './server.ts';

const ACCOUNT = 'Debian-exim';
const USERS = { 'alice@example.net': 'secret', 'bob@example.net': 'secret' };
/** docs/mta/exim, absolute. */
export const RECIPES = resolve('docs/mta/exim');

/** Where the program is: POSTERN_EXIM, the folder that .ci/run fills, or an installed Exim. */
export function eximProgram(): string {
  const unpacked = join(tmpdir(), 'postern-exim/root/usr/sbin/exim4');
  const candidates = [process.env.POSTERN_EXIM, unpacked, '/usr/sbin/exim4'];
  return candidates.find((path) => path !== undefined && existsSync(path)) ?? unpacked;
}

export function hasExim(): boolean {
  return available('Exim', missingParts([eximProgram(), '/usr/bin/setsid'], [ACCOUNT]));
}

/** Where an instance lives, for a configuration of one's own. */
export interface Instance {
  readonly folder: Folder;
  readonly port: number;
  readonly ipv6: boolean;
  readonly sinkPort: number;
}

export interface EximOptions {
  /** port of the sink */
  readonly sinkPort: number;
  /** the whole configuration, instead of what the other options make */
  readonly configuration?: (instance: Instance) => string;
  /** address of the DNS server that it asks, at port 53; default: those of this host */
  readonly resolver?: string;
  /** which recipes of docs/mta/exim are included, default blocked and local */
  readonly recipes?: readonly ('blocked' | 'local' | 'callout')[];
  /** lines for the top of the main part */
  readonly main?: string;
  /** statements for the top of the RCPT ACL */
  readonly rcpt?: string;
  /** changes the configuration that the options above make */
  readonly edit?: (configuration: string) => string;
  /** whole ACLs */
  readonly acls?: string;
  /** how often it tries the queue again, as `-q` has it; default 5s */
  readonly queueInterval?: string;
  /** default: alice and bob @example.net, password `secret` */
  readonly users?: Readonly<Record<string, string>>;
}

/** A message in the queue, as `exim -bp` has it. */
export interface QueuedMail {
  readonly queueId: string;
  readonly sender: string;
  readonly frozen: boolean;
  /** those still to be delivered */
  readonly recipients: readonly string[];
}

export interface EximServer extends MailServer<QueuedMail> {
  /** the configuration file, for `exim -C` */
  readonly configuration: string;
  readonly port: number;
  readonly rejectLogFile: string;
  readonly blockedUsers: string;
  readonly blockedSenders: string;
  readonly blockedNetworks: string;
  /** Runs the program with this configuration and returns its output. */
  exim(args: readonly string[], input?: string): Promise<string>;
  /** Hands a message in as a local account. */
  sendmail(login: string, args: readonly string[], message: string): Promise<string>;
  /** An SMTP session on standard input whose client has this address; returns everything the server said. */
  smtpFrom(address: string, commands: readonly string[]): Promise<string>;
  /** Writes the configuration anew and lets the daemon read it. */
  reconfigure(options: EximOptions): Promise<void>;
}

/** Starts it and waits until it listens; removes everything again when that fails. */
export async function startExim(options: EximOptions): Promise<EximServer> {
  const folder = scratchFolder('postern-exim-');
  const [port] = (await freePorts(1)) as [number];
  const instance = { folder, port, ipv6: hasIpv6(), sinkPort: options.sinkPort };
  const program = eximProgram();
  const configuration = folder.write('exim.conf', wholeText(instance, options));
  const command = buildCommand([program, '-C', configuration], folder, options);
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of stops.splice(0)) await end();
    await endStragglers(folder.path); // deliveries of mail that was handed in without the daemon
    folder.remove();
  };
  try {
    for (const name of ['spool', 'log']) {
      mkdirSync(folder.at(name));
      chownSync(folder.at(name), idOf('/etc/passwd', ACCOUNT) as number, 0);
    }
    await run([program, '-C', configuration, '-bV']); // says what is wrong, which the daemon cannot
    const { queueInterval = '5s' } = options;
    const argv = [...command, '-bdf', `-q${queueInterval}`];
    const daemon = spawnServer(argv, { folder: folder.path });
    stops.push(() => stopServer(daemon));
    const log = () => folder.read('log/mainlog');
    await until('Exim to start', () => log().includes('daemon started'), { evidence: log });
  } catch (error) {
    await stop();
    throw error;
  }
  const reconfigure = async (changed: EximOptions) => {
    folder.write('exim.conf', wholeText(instance, changed));
    await run([program, '-C', configuration, '-bV']);
    // A running daemon goes on with what it read at its start: SIGHUP makes it start anew.
    const starts = () => folder.read('log/mainlog').split('daemon started').length;
    const before = starts();
    process.kill(Number(folder.read('exim.pid')), 'SIGHUP');
    await until('Exim to start anew', () => starts() > before);
  };
  return { ...instance, configuration, reconfigure, stop, ...operations(folder, command) };
}

function buildCommand(
  argv: readonly string[],
  folder: Folder,
  { resolver }: EximOptions,
): readonly string[] {
  if (resolver === undefined) return argv;
  return withResolver(argv, folder.write('resolv.conf', `nameserver ${resolver}\n`));
}

type Operations = Omit<
  EximServer,
  'folder' | 'configuration' | 'port' | 'ipv6' | 'reconfigure' | 'stop'
>;

/** What a running instance can be asked to do. */
function operations(folder: Folder, command: readonly string[]): Operations {
  const exim = (args: readonly string[], input?: string) => runExim([...command, ...args], input);
  return {
    ...watched(folder, 'log/mainlog', async () => parseQueue(await exim(['-bp']))),
    rejectLogFile: folder.at('log/rejectlog'),
    blockedUsers: folder.at('blocked_users'),
    blockedSenders: folder.at('blocked_senders'),
    blockedNetworks: folder.at('blocked_networks'),
    exim,
    // Root is a trusted caller and may say who it speaks for; another account could not use our configuration.
    sendmail: (login, args, message) => exim(['-oMt', login, ...args], message),
    smtpFrom: (address, commands) =>
      exim(['-oMa', `${address}.40000`, '-bs'], commands.map((line) => `${line}\r\n`).join('')),
  };
}

function wholeText(instance: Instance, options: EximOptions): string {
  const text = options.configuration?.(instance) ?? configurationText(instance, options);
  return options.edit?.(text) ?? text;
}

function configurationText(instance: Instance, options: EximOptions): string {
  const { folder } = instance;
  const recipes = options.recipes ?? ['blocked', 'local'];
  const include = (recipe: 'blocked' | 'local' | 'callout') =>
    recipes.includes(recipe) ? `.include ${RECIPES}/acl-${recipe}.conf` : '';
  return `POSTERN_RECIPES = ${RECIPES}
POSTERN_BLOCKED_USERS = ${folder.at('blocked_users')}
POSTERN_BLOCKED_SENDERS = ${folder.at('blocked_senders')}
POSTERN_BLOCKED_NETWORKS = ${folder.at('blocked_networks')}
.include ${RECIPES}/macros.conf
${options.main ?? ''}
${recipes.includes('local') ? 'acl_not_smtp = acl_postern_local' : ''}
${mainPart(instance)}
begin acl

acl_check_rcpt:
${include('callout')}
${options.rcpt ?? ''}
  accept hosts = +relay_from_hosts
  accept authenticated = *
  require message = relay not permitted
          domains = +local_domains
  accept

acl_check_data:
${include('blocked')}
  accept

${include('local')}

${options.acls ?? ''}

${deliveryPart(options)}`;
}

function mainPart({ folder, port, ipv6 }: Instance): string {
  return `
exim_path = ${eximProgram()}
exim_user = ${ACCOUNT}
keep_environment =
spool_directory = ${folder.at('spool')}
log_file_path = ${folder.at('log')}/%slog
pid_file_path = ${folder.at('exim.pid')}
primary_hostname = mx.example.net
qualify_domain = example.net
domainlist local_domains = example.net
hostlist relay_from_hosts = <; 127.0.0.2/31 ; ::1 ; 198.51.100.0/24 ; 2001:db8:1::/64
local_interfaces = <; 127.0.0.1${ipv6 ? ' ; ::1' : ''}
daemon_smtp_ports = ${port}
tls_advertise_hosts =
host_lookup =
dns_ipv4_lookup = *
rfc1413_hosts =
acl_smtp_rcpt = acl_check_rcpt
acl_smtp_data = acl_check_data
never_users =
trusted_users = root
queue_run_max = 2
deliver_drop_privilege = true
smtp_accept_queue_per_connection = 0
`;
}

function deliveryPart(options: EximOptions): string {
  const users = Object.entries(options.users ?? USERS);
  const condition = users.map(([user, password]) => `{eq{$auth2:$auth3}{${user}:${password}}}`);
  return `begin routers

out:
  driver = manualroute
  transport = sink
  route_list = * 127.0.0.1 byname
  self = send

begin transports

sink:
  driver = smtp
  port = ${options.sinkPort}
  hosts_try_fastopen =

begin retry

* * F,1d,5s

begin authenticators

plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if or{${condition.join('')}}}
  server_set_id = $auth2
  server_advertise_condition = yes
`;
}

/** A message begins with its age, size and ID; its recipients follow, one a line, `D` before those that have it. */
function parseQueue(output: string): QueuedMail[] {
  return output.split(/\n(?=\s*\d+[mhd]\s)/).flatMap((entry) => {
    const [first = '', ...rest] = entry.split('\n');
    const match = /^\s*\S+ +\S+ (\S+) <([^>]*)>( \*\*\* frozen \*\*\*)?/.exec(first);
    if (match === null) return [];
    const [, queueId = '', sender = '', frozen] = match;
    const recipients = rest.map((line) => line.trim()).filter((line) => /^[^D ]/.test(line));
    return [{ queueId, sender, frozen: frozen !== undefined, recipients }];
  });
}

/** Like `run`, but a status other than 0 is no failure: Exim has one for "accepted, but frozen" and the like. */
function runExim(argv: readonly string[], input = ''): Promise<string> {
  const [program, ...args] = argv as [string, ...string[]];
  const child = spawn(program, args, { stdio: 'pipe', cwd: '/' });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  child.stdin.on('error', () => {}); // it may refuse before it reads
  child.stdin.end(input);
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('exit', () => done(output)); // not `close`: a delivery in the background holds the pipes open
  });
}
