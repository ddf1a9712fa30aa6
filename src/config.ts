/**
 * The configuration: one YAML file to plain values with every default in place.
 * Reads only that file, never a secret and never the MTA. All problems are reported at once, each with file,
 * line, key and what was expected, as one PosternError with exit status 2.
 */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errnoOf, messageOf, type Place, PosternError } from './base/errors.ts';
import { parseDuration } from './base/time.ts';
import {
  type CLIENT_MAP_TYPES,
  configSchema,
  type LOG_LEVELS,
  type MAP_TYPES,
  type RawConfig,
  type UID_MAP_TYPES,
} from './config/schema.ts';
import { suggestKey } from './config/suggest.ts';
import { type Problem, problemsError, problemsOf, readYaml, type YamlFile } from './config/yaml.ts';
import type { Mta } from './model/event.ts';
import type { MailRoute } from './notify/mail.ts';
import { type ListenAddress, parseListenAddress } from './policy/address.ts';

export { describeConfig } from './config/describe.ts';

export const DEFAULT_CONFIG_FILE = '/etc/postern/postern.yaml';

export type MapType = (typeof CLIENT_MAP_TYPES)[number] | (typeof UID_MAP_TYPES)[number];

/** A Postfix lookup table that Postern writes. */
export interface MapTarget {
  readonly file: string;
  readonly type: MapType;
  readonly action: 'HOLD' | 'REJECT';
  /** text beside the action, printable ASCII on one line */
  readonly text: string;
}

/** Absent map: the operator switched it off, blocks of that type have no effect in Postfix. */
export interface PostfixTargets {
  readonly user?: MapTarget & { readonly type: (typeof MAP_TYPES)[number] };
  readonly client?: MapTarget;
  readonly sender?: MapTarget & { readonly type: (typeof MAP_TYPES)[number] };
  /** `authorized_submit_users` knows login names, and can only refuse */
  readonly uid?: MapTarget & { readonly type: (typeof UID_MAP_TYPES)[number] };
  /** argument vector; `TYPE:FILE` is appended */
  readonly postmap: readonly string[];
  /** argument vector; empty: Postfix is never told */
  readonly reload: readonly string[];
}

export interface EximTargets {
  readonly blockedUsers: string;
  readonly blockedSenders: string;
}

export interface NotifyConfig {
  readonly to: readonly string[];
  readonly from: string;
  readonly transport: MailRoute;
  /** ms that a notice waits for others to share its mail */
  readonly digest: number;
}

export interface PolicyConfig {
  readonly listen: ListenAddress;
  /** name or number of the group that may connect to the unix socket */
  readonly group?: string;
}

/** Everything an operator can set, resolved: paths absolute, durations in ms, defaults in place. */
export interface Config {
  /** the configuration file itself, absolute */
  readonly file: string;
  readonly mta: Mta;
  readonly logs: readonly string[];
  /** IANA name or `±hh:mm`, for stamps without a zone */
  readonly zone: string;
  /** host name for logs that carry none */
  readonly host?: string;
  readonly startAt: 'beginning' | 'end';
  readonly database: string;
  /** folder of rule files */
  readonly rules: string;
  readonly mode: 'enforce' | 'observe';
  /** which process writes the targets: `postern run`, or `postern enforce` */
  readonly enforcer: 'daemon' | 'separate';
  /** ms that events are kept */
  readonly retention: number;
  /** absent: inferred from the log */
  readonly trustedNetworks?: readonly string[];
  readonly allow: {
    /** lower case */
    readonly users: readonly string[];
    readonly networks: readonly string[];
    /** uids and login names */
    readonly uids: readonly string[];
  };
  readonly caps: { readonly blocksPerHour: number };
  readonly targets: { readonly postfix: PostfixTargets; readonly exim: EximTargets };
  /** absent: no policy service */
  readonly policy?: PolicyConfig;
  /** hold or freeze mail of a new block that is queued already */
  readonly queue: { readonly hold: boolean };
  /** argument vectors to which arguments are appended */
  readonly commands: {
    readonly postsuper: readonly string[];
    readonly postqueue: readonly string[];
    readonly postconf: readonly string[];
    readonly exim: readonly string[];
  };
  /** absent: no mail about blocks */
  readonly notify?: NotifyConfig;
  /** empty: `report --mail` has nobody to write to */
  readonly report: { readonly to: readonly string[] };
  readonly logLevel: (typeof LOG_LEVELS)[number];
}

/** The folder of the rules that come with the package; the same beside `src` and beside `dist`. */
export const SHIPPED_RULES = fileURLToPath(new URL('../rules', import.meta.url));

/** Loads `path`, or the default file. Throws a PosternError (exit status 2) that lists every problem. */
export function loadConfig(path: string | undefined): Config {
  const file = resolve(path ?? DEFAULT_CONFIG_FILE);
  return parseConfig(readConfigFile(file), path ?? file);
}

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = errnoOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new PosternError(
      'config',
      `${file}: expected a configuration file, found none: ${why} (postern init writes one)`,
      { place: { file }, cause: error },
    );
  }
}

/** Where `path` (`['targets', 'exim', 'blockedUsers']`) stands in the configuration file, for messages. */
export function placeOf({ file }: Config, path: readonly string[]): Place {
  return readYaml(readConfigFile(file), file, 'config').keyPlace(path);
}

/** Whether the configuration file itself names the option at `path`. */
export function isNamed({ file }: Config, path: readonly string[]): boolean {
  return readYaml(readConfigFile(file), file, 'config').has(path);
}

/** The defaults alone, for commands that work without a configuration file. */
export function defaultConfig(): Config {
  return parseConfig('', DEFAULT_CONFIG_FILE);
}

/** Checks `text` as the content of `file`; relative paths are meant from that file's folder. */
export function parseConfig(text: string, file: string): Config {
  const yaml = readYaml(text, file, 'config');
  const result = configSchema.safeParse(yaml.value);
  const problems = result.success
    ? contradictions(result.data, yaml)
    : problemsOf(yaml, result.error.issues, (path) => suggestKey(configSchema, path));
  if (!result.success || problems.length > 0) throw problemsError('config', problems);
  return resolveConfig(besideEachOther(result.data, yaml), resolve(file));
}

/** What no single option shows. */
function contradictions(raw: RawConfig, yaml: YamlFile): Problem[] {
  const problems: Problem[] = [];
  const say = (path: readonly string[], text: string) =>
    problems.push({ place: yaml.keyPlace(path), text });
  const { notify } = raw;
  if (notify?.smtp !== undefined && notify.sendmail !== undefined)
    say(['notify', 'sendmail'], 'expected smtp or sendmail, found both');
  const smtp = notify?.smtp;
  if (smtp?.user !== undefined && smtp.passwordFile === undefined)
    say(['notify', 'smtp', 'user'], 'expected passwordFile beside it, found nothing');
  if (smtp?.passwordFile !== undefined && smtp.user === undefined)
    say(['notify', 'smtp', 'passwordFile'], 'expected user beside it, found nothing');
  for (const [path, other] of sharedFiles(raw))
    say(path, `expected a file of its own, found that of ${other}`);
  return problems;
}

/** Two targets in one file would delete each other's lines for ever. */
function sharedFiles(raw: RawConfig): [string[], string][] {
  const { postfix, exim } = raw.targets;
  const files: [string[], string][] = (['user', 'client', 'sender', 'uid'] as const).flatMap(
    (name) => {
      const file = postfix[name]?.file;
      return file === undefined ? [] : [[['targets', 'postfix', name, 'file'], file]];
    },
  );
  files.push([['targets', 'exim', 'blockedUsers'], exim.blockedUsers]);
  files.push([['targets', 'exim', 'blockedSenders'], exim.blockedSenders]);
  files.unshift([['database'], raw.database]);
  return files.flatMap(([path, file], index): [string[], string][] => {
    const first = files
      .slice(0, index)
      .find((entry) => resolve('/', entry[1]) === resolve('/', file));
    return first === undefined ? [] : [[path, first[0].join('.')]];
  });
}

/** Files of the same folder, where the configuration names some of them and leaves others to their defaults. */
function besideEachOther(raw: RawConfig, yaml: YamlFile): RawConfig {
  const { postfix, exim } = raw.targets;
  const isNamed = (path: readonly string[]) => yaml.has(['targets', ...path]);
  const named = MAPS.find((name) => isNamed(['postfix', name, 'file']));
  const folder = named === undefined ? undefined : dirname(postfix[named]?.file ?? '');
  const maps = MAPS.flatMap((name) => {
    const map = postfix[name];
    if (map === undefined || folder === undefined || isNamed(['postfix', name, 'file'])) return [];
    const type =
      name === 'sender' && !isNamed(['postfix', name, 'type']) ? postfix.user?.type : undefined;
    return [[name, { ...map, file: join(folder, basename(map.file)), type: type ?? map.type }]];
  });
  const senders = isNamed(['exim', 'blockedUsers']) && !isNamed(['exim', 'blockedSenders']);
  return {
    ...raw,
    targets: {
      postfix: { ...postfix, ...Object.fromEntries(maps) },
      exim: senders
        ? {
            ...exim,
            blockedSenders: join(dirname(exim.blockedUsers), basename(exim.blockedSenders)),
          }
        : exim,
    },
  };
}

const MAPS = ['user', 'client', 'sender', 'uid'] as const;

function resolveConfig(raw: RawConfig, file: string): Config {
  const at = (path: string) => resolve(dirname(file), path);
  const logs = raw.logs ?? [raw.mta === 'postfix' ? '/var/log/mail.log' : '/var/log/exim4/mainlog'];
  const notify = raw.notify === undefined ? undefined : resolveNotify(raw.notify, at);
  return {
    file,
    mta: raw.mta,
    logs: [...new Set(logs.map(at))],
    zone: raw.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...(raw.host === undefined ? {} : { host: raw.host }),
    startAt: raw.startAt,
    database: at(raw.database),
    rules: raw.rules === undefined ? SHIPPED_RULES : at(raw.rules),
    mode: raw.mode,
    enforcer: raw.enforcer,
    retention: milliseconds(raw.retention),
    ...(raw.trustedNetworks === undefined ? {} : { trustedNetworks: raw.trustedNetworks }),
    allow: { ...raw.allow, users: raw.allow.users.map((user) => user.toLowerCase()) },
    caps: raw.caps,
    targets: {
      postfix: resolvePostfix(raw.targets.postfix, at),
      exim: {
        blockedUsers: at(raw.targets.exim.blockedUsers),
        blockedSenders: at(raw.targets.exim.blockedSenders),
      },
    },
    ...(raw.policy === undefined ? {} : { policy: resolvePolicy(raw.policy, raw.mta) }),
    queue: raw.queue,
    commands: resolveCommands(raw),
    ...(notify === undefined ? {} : { notify }),
    report: { to: raw.report.to ?? notify?.to ?? [] },
    logLevel: raw.logLevel,
  };
}

type At = (path: string) => string;

function resolvePostfix(raw: RawConfig['targets']['postfix'], at: At): PostfixTargets {
  const { user, client, sender, uid, postmap, reload } = raw;
  return {
    ...(user === undefined ? {} : { user: resolveMap(user, at) }),
    ...(client === undefined ? {} : { client: resolveMap(client, at) }),
    ...(sender === undefined ? {} : { sender: resolveMap(sender, at) }),
    ...(uid === undefined ? {} : { uid: resolveMap(uid, at) }),
    postmap: inFolderOf(reload, postmap),
    reload,
  };
}

/** Commands of Postfix speak of the same instance as the reload command: `postfix -c DIR reload` names it. */
function inFolderOf(reload: readonly string[], command: readonly string[]): readonly string[] {
  const at = reload.indexOf('-c');
  const folder = at < 0 ? undefined : reload[at + 1];
  return folder === undefined || command.includes('-c') ? command : [...command, '-c', folder];
}

function resolveCommands({ commands, targets }: RawConfig): Config['commands'] {
  const { exim, ...postfix } = commands;
  const { reload } = targets.postfix;
  return {
    exim,
    postsuper: inFolderOf(reload, postfix.postsuper),
    postqueue: inFolderOf(reload, postfix.postqueue),
    postconf: inFolderOf(reload, postfix.postconf),
  };
}

/** The text of a refusal, and of a hold; RFC 3463 3.8: 5.7.1 is "delivery not authorized". */
export const ACTION_TEXTS = {
  HOLD: 'blocked by postern',
  REJECT: '5.7.1 Sending is blocked for this account, please contact your postmaster',
} as const;

function resolveMap<
  T extends { file: string; action: 'HOLD' | 'REJECT'; text?: string | undefined },
>(raw: T, at: At): T & { text: string } {
  return { ...raw, file: at(raw.file), text: raw.text ?? ACTION_TEXTS[raw.action] };
}

/** Below its queue directory a chrooted smtpd finds the socket, too. */
const POLICY_SOCKETS: Readonly<Record<Mta, string>> = {
  postfix: '/var/spool/postfix/postern/policy',
  exim: '/run/postern/policy',
};

function resolvePolicy(raw: NonNullable<RawConfig['policy']>, mta: Mta): PolicyConfig {
  const { listen, group } = raw;
  const given = listen === undefined ? undefined : parseListenAddress(listen);
  return {
    listen: given ?? { kind: 'unix', path: POLICY_SOCKETS[mta] },
    ...(group === undefined ? {} : { group }),
  };
}

function resolveNotify(raw: NonNullable<RawConfig['notify']>, at: At): NotifyConfig {
  return {
    to: raw.to,
    from: raw.from ?? `postern@${hostname()}`,
    transport: resolveTransport(raw, at),
    digest: milliseconds(raw.digest),
  };
}

function resolveTransport(raw: NonNullable<RawConfig['notify']>, at: At): MailRoute {
  if (raw.smtp === undefined)
    return { kind: 'sendmail', path: at(raw.sendmail ?? '/usr/sbin/sendmail') };
  const { user, passwordFile, ...server } = raw.smtp;
  return {
    kind: 'smtp',
    ...server,
    ...(user === undefined ? {} : { user }),
    ...(passwordFile === undefined ? {} : { passwordFile: at(passwordFile) }),
  };
}

/** The schema let only durations through. */
function milliseconds(duration: string): number {
  return parseDuration(duration) as number;
}
