/**
 * Finding Exim: its version, log, spool and relay hosts, as `exim -bV` and `exim -bP` print them.
 * Changes nothing; what cannot be found becomes a note.
 */

import { join } from 'node:path';
import { dropUndefined } from '../../base/defined.ts';
import { type Installation, type NotFound, pickLog } from '../installation.ts';
import { ask, describeFailure, findProgram, settingsIn } from '../programs.ts';
import { findExistingRecipe, findLoginCut } from './existing-recipe.ts';
import { findRelayHosts, RELAY_LIST } from './host-list.ts';
import { describeDated, type LogPlaces, readLogPlaces, UNDATED } from './log-path.ts';

/** Where syslog usually writes the facility `mail`. */
export const SYSLOG_FILES = ['/var/log/mail.log', '/var/log/maillog', '/var/log/mail'];

interface FindExim {
  readonly binary?: string;
  /** configuration file, `exim -C` */
  readonly config?: string;
  readonly logCandidates?: readonly string[];
}

/** An argument vector of Exim with its configuration file, or undefined when there is no such program. */
export function eximCommand(options: FindExim): string[] | undefined {
  const names = options.binary === undefined ? ['exim4', 'exim'] : [options.binary];
  const program = names.map((name) => findProgram(name)).find((path) => path !== undefined);
  if (program === undefined) return undefined;
  return options.config === undefined ? [program] : [program, '-C', options.config];
}

export async function findExim(options: FindExim = {}): Promise<Installation | NotFound> {
  const exim = eximCommand(options);
  if (exim === undefined)
    return { mta: 'exim', reason: `there is no ${options.binary ?? 'exim4 or exim'}` };
  const [about, options_] = await Promise.all([
    ask([...exim, '-bV']),
    ask([...exim, '-bP', 'log_file_path', 'spool_directory', 'qualify_domain', 'primary_hostname']),
  ]);
  const version = /^Exim version (\S+)/m.exec(about.stdout)?.[1];
  const failure = describeFailure(exim, about) ?? describeFailure(exim, options_);
  if (failure !== undefined || version === undefined)
    return { mta: 'exim', reason: failure ?? `${exim[0]} -bV names no version` };
  const settings = settingsIn(options_.stdout);
  const spool = settings.get('spool_directory') || '/var/spool/exim4';
  const notes: string[] = [];
  const configuration = await eximConfiguration(exim);
  const networks = relayHosts(configuration, notes);
  const recipe = findExistingRecipe(configuration, spool);
  const domain = settings.get('qualify_domain');
  const places = await readLogPlaces(settings.get('log_file_path') ?? '', exim, spool);
  return dropUndefined({
    mta: 'exim' as const,
    version,
    logs: [findLog(places, options.logCandidates, notes)],
    networks,
    domain: domain ? domain : undefined,
    hostname: settings.get('primary_hostname')
      ? (settings.get('primary_hostname') as string)
      : undefined,
    targets: {
      exim: {
        blockedUsers: recipe?.file ?? join(spool, 'blocked_users'),
        blockedSenders: join(spool, 'blocked_senders'),
        blockedNetworks: join(spool, 'blocked_networks'),
      },
    },
    commands: { exim },
    recipe,
    loginHints: dropUndefined({
      origin: domain ? domain.toLowerCase() : undefined,
      ...findLoginCut(configuration),
    }),
    notes,
  });
}

/** The configuration with macros and includes expanded; empty when Exim does not print it (before 4.86). */
export async function eximConfiguration(exim: readonly string[]): Promise<string> {
  const result = await ask([...exim, '-bP', 'config']);
  return result.status === 0 ? result.stdout : '';
}

/** The main log, or the file of syslog in which Exim's lines are. */
function findLog(
  { file, isDated }: LogPlaces,
  candidates: readonly string[] = SYSLOG_FILES,
  notes: string[],
): string {
  if (file === undefined) {
    const log = pickLog(candidates, 'exim');
    if (log !== undefined) return log;
    notes.push('Exim logs only to syslog, and no log file was found: name it under logs.');
    return '/var/log/mail.log';
  }
  if (isDated) notes.push(`${describeDated(file)}. ${UNDATED}`);
  return file;
}

function relayHosts(configuration: string, notes: string[]): string[] | undefined {
  const { networks, others } = findRelayHosts(configuration) ?? { networks: [], others: [] };
  if (others.length > 0)
    notes.push(
      `${RELAY_LIST} also names ${others.slice(0, 5).join(', ')}: add their networks to trustedNetworks yourself.`,
    );
  return networks.length === 0 ? undefined : networks;
}
