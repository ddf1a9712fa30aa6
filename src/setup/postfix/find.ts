/**
 * Finding Postfix: its version, log, map types and networks, as postconf(1) prints them.
 * Changes nothing; what cannot be found becomes a note.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dropUndefined } from '../../base/defined.ts';
import { parseListenAddress } from '../../base/listen-address.ts';
import {
  type Installation,
  isDomain,
  type LoginHints,
  type NotFound,
  pickLog,
} from '../installation.ts';
import { ask, describeFailure, findProgram, settingsIn } from '../programs.ts';
import { readNetworkList } from './network-list.ts';
import { QUEUE_DIRECTORY } from './policy-recipe.ts';

/** The usual ones, see docs/install.md. */
const POSTFIX_LOGS = [
  '/var/log/mail.log',
  '/var/log/maillog',
  '/var/log/mail',
  '/var/log/mail/mail.log',
  '/var/log/zimbra.log',
];

/** An argument vector of postconf for the instance in `folder`, or for the default one. */
export function postconfCommand(folder: string | undefined, program = 'postconf'): string[] {
  return folder === undefined ? [program] : [program, '-c', folder];
}

/** Settings with their `$names` expanded; a setting that Postfix does not know is absent. */
export async function postfixSettings(
  postconf: readonly string[],
  names: readonly string[],
): Promise<Map<string, string>> {
  return settingsIn((await ask([...postconf, '-x', ...names])).stdout);
}

/** Map types of this installation: `postconf -m`. */
export async function mapTypes(postconf: readonly string[]): Promise<string[]> {
  const { stdout } = await ask([...postconf, '-m']);
  return stdout.split('\n').filter((line) => line !== '');
}

/** The best type for a map of exact keys: one whose changes Postfix sees by itself, else plain text. */
export function indexedType(types: readonly string[]): 'lmdb' | 'hash' | 'cdb' | 'texthash' {
  return (['lmdb', 'hash', 'cdb'] as const).find((type) => types.includes(type)) ?? 'texthash';
}

interface FindPostfix {
  /** folder of main.cf, when it is not the default one */
  readonly folder?: string;
  readonly logCandidates?: readonly string[];
}

export async function findPostfix(options: FindPostfix = {}): Promise<Installation | NotFound> {
  const program = findProgram('postconf');
  if (program === undefined) return { mta: 'postfix', reason: 'there is no postconf' };
  const postconf = postconfCommand(options.folder, program);
  const version = await ask([...postconf, '-h', 'mail_version']);
  const failure = describeFailure(postconf, version);
  if (failure !== undefined) return { mta: 'postfix', reason: failure };
  const settings = await postfixSettings(postconf, [
    'config_directory',
    'command_directory',
    'queue_directory',
    'maillog_file',
    'mynetworks',
    'myhostname',
    'myorigin',
    'smtpd_sasl_local_domain',
    'recipient_delimiter',
  ]);
  const types = await mapTypes(postconf);
  const notes: string[] = [];
  const targets = targetsFor(options.folder, settings, types);
  const networks = await relayNetworks(settings.get('mynetworks') ?? '', targets.postmap, notes);
  const domain = findOrigin(settings.get('myorigin') ?? '');
  return dropUndefined({
    mta: 'postfix' as const,
    version: version.stdout.trim(),
    logs: [findLog(settings.get('maillog_file') ?? '', options.logCandidates, notes)],
    networks,
    domain,
    hostname: settings.has('myhostname') ? (settings.get('myhostname') as string) : undefined,
    targets: { postfix: targets },
    commands: commandsFor(options.folder, settings),
    loginHints: findLoginHints(settings, domain),
    ...policyFor(settings.get('queue_directory') ?? QUEUE_DIRECTORY),
    notes,
  });
}

function findLog(
  maillogFile: string,
  candidates: readonly string[] = POSTFIX_LOGS,
  notes: string[],
): string {
  if (maillogFile.startsWith('/') && !maillogFile.startsWith('/dev/')) return maillogFile;
  const log = pickLog(candidates, 'postfix');
  if (log !== undefined) return log;
  notes.push(
    maillogFile === ''
      ? 'Postfix seems to log only to the journal. Write logs: [ journal: ] in the configuration; or install rsyslog, or ' +
          'let Postfix write a file itself: postconf -e maillog_file=/var/log/mail.log (Postfix 3.4 or newer).'
      : `Postfix logs to ${maillogFile}, and Postern reads files. Under logs, name the file in which this output ends up.`,
  );
  return '/var/log/mail.log';
}

async function relayNetworks(
  mynetworks: string,
  postmap: readonly string[],
  notes: string[],
): Promise<string[] | undefined> {
  const { networks, others } = await readNetworkList(mynetworks, postmap);
  if (others.length > 0)
    notes.push(
      `mynetworks also names ${others.slice(0, 5).join(', ')}: add their networks to trustedNetworks yourself.`,
    );
  return networks.length === 0 ? undefined : networks;
}

/** myorigin is a domain, or a file that holds one (Debian: /etc/mailname). */
export function findOrigin(myorigin: string): string | undefined {
  if (!myorigin.startsWith('/')) return myorigin === '' ? undefined : myorigin;
  try {
    return readFileSync(myorigin, 'utf8').split('\n', 1)[0]?.trim();
  } catch {
    return undefined;
  }
}

function targetsFor(
  folder: string | undefined,
  settings: ReadonlyMap<string, string>,
  types: readonly string[],
): Record<string, unknown> & { readonly postmap: readonly string[] } {
  const home = join(folder ?? settings.get('config_directory') ?? '/etc/postfix', 'postern');
  const type = indexedType(types);
  const program = (name: string) => locateProgram(settings, name);
  const instance = folder === undefined ? [] : ['-c', folder];
  return {
    user: { file: join(home, 'sasl_access'), type, action: 'HOLD' },
    client: { file: join(home, 'client_access'), type: 'cidr', action: 'HOLD' },
    sender: { file: join(home, 'sender_access'), type, action: 'HOLD' },
    uid: { file: join(home, 'submit_users'), type: 'texthash' },
    postmap: [program('postmap'), ...instance],
    reload: [program('postfix'), ...instance, 'reload'],
  };
}

function findLoginHints(
  settings: ReadonlyMap<string, string>,
  origin: string | undefined,
): LoginHints {
  const localDomain = settings.get('smtpd_sasl_local_domain')?.toLowerCase();
  const delimiter = settings.get('recipient_delimiter');
  return dropUndefined({
    localDomain: localDomain && isDomain(localDomain) ? localDomain : undefined,
    origin: isDomain(origin) ? origin?.toLowerCase() : undefined,
    delimiter: delimiter ? delimiter : undefined,
  });
}

/** The socket is below the queue directory, so that a chrooted smtpd finds it, too. */
function policyFor(queue: string): Pick<Installation, 'policy'> {
  const listen = `unix:${queue}/postern/policy`;
  const isUsual = queue === QUEUE_DIRECTORY || parseListenAddress(listen) === undefined;
  return isUsual ? {} : { policy: { listen } };
}

function commandsFor(
  folder: string | undefined,
  settings: ReadonlyMap<string, string>,
): Record<string, unknown> {
  const instance = folder === undefined ? [] : ['-c', folder];
  const names = ['postsuper', 'postqueue', 'postcat', 'postconf'] as const;
  return Object.fromEntries(
    names.map((name) => [name, [locateProgram(settings, name), ...instance]]),
  );
}

function locateProgram(settings: ReadonlyMap<string, string>, name: string): string {
  return findProgram(name) ?? join(settings.get('command_directory') ?? '/usr/sbin', name);
}

/** What main.cf sets, and what master.cf overrides; empty if postconf(1) gives no answer. */
export async function printPostfixConfiguration(postconf: readonly string[]): Promise<string> {
  const printed = await Promise.all([ask([...postconf, '-n']), ask([...postconf, '-P'])]);
  if (printed.some(({ status }) => status !== 0)) return '';
  return printed.map(({ stdout }) => stdout).join('');
}
