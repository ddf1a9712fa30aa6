/**
 * Whether the maps exist and Postfix can open them: each is looked up by `postmap -q`, as the account of the process
 * that opens it.
 */
import { existsSync } from 'node:fs';
import { findBarrier } from '../../base/path-access.ts';
import type { Config, MapTarget } from '../../config/load.ts';
import { MAP_TYPES, POSTFIX_MAPS } from '../../config/target-schema.ts';
import { INDEXED, type IndexedType, isIndexed } from '../../enforce/postmap.ts';
import { type Asker, askerFor } from '../asker.ts';
import { type Finding, wrong } from '../finding.ts';
import { ask, describeFailure, findProgram } from '../programs.ts';
import type { Restriction } from './recipe.ts';
import { splitWords } from './restriction-list.ts';
import { LISTS, type SmtpdService } from './services.ts';

/** A process that opens a map. */
interface Reader {
  /** the beginning of a sentence */
  readonly name: string;
  /** a login with its rights; undefined: root */
  readonly login?: string;
  /** what happens to mail while it cannot, the end of a sentence */
  readonly outcome: string;
}

/** It opens its tables before it gives up root, and before it enters a chroot (pre_jail_init in smtpd.c). */
export const SMTPD: Reader = {
  name: 'smtpd, which is root then,',
  outcome: 'answers 451 to everybody',
};

/** It gives up root when it starts, and opens the tables that are asked for as `proxy:` later. */
export const PROXYMAP: Reader = {
  name: 'proxymap, which runs as postfix,',
  login: 'postfix',
  outcome: 'answers nobody, so smtpd answers 451',
};

/** It has no rights but those of the account that calls it: any account, so one that has no rights at all is tried. */
export const SENDMAIL: Reader = {
  name: 'sendmail(1), which runs as the account that calls it,',
  login: 'nobody',
  outcome: 'refuses the mail of every local program',
};

/** Each map of the configuration. */
export function listMaps({ targets: { postfix } }: Config): MapTarget[] {
  return POSTFIX_MAPS.map((name) => postfix[name]).filter((map) => map !== undefined);
}

export function findMap(config: Config, target: Restriction['target']): MapTarget {
  return config.targets.postfix[target] as MapTarget;
}

/** Whether a service asks proxymap(8) for the map. */
export function isProxied({ map }: Restriction, services: readonly SmtpdService[]): boolean {
  return services.some(({ entries }) =>
    LISTS.some((list) => entries(list).some(({ argument }) => argument === `proxy:${map}`)),
  );
}

/** proxymap(8) serves only what proxy_read_maps lists, and an smtpd that asks for more does not start. */
export function checkProxied({ map }: Restriction, services: readonly SmtpdService[]): Finding[] {
  const listed = services[0]?.setting('proxy_read_maps') ?? '';
  if (splitWords(listed).includes(`proxy:${map}`)) return [];
  const text = `smtpd asks for proxy:${map}, which proxy_read_maps does not list: it does not start`;
  return [wrong('mta', text, `remove "proxy:" there, or add proxy:${map} to proxy_read_maps`)];
}

/** Types that this Postfix does not know. */
export function checkTypes(config: Config, types: readonly string[]): Finding[] {
  const usable = types.filter((name) => (MAP_TYPES as readonly string[]).includes(name));
  const used = new Set<string>(listMaps(config).map(({ type }) => type));
  return [...used]
    .filter((type) => type !== 'list' && !types.includes(type))
    .map((type) =>
      wrong(
        'mta',
        `this Postfix has no map type ${type}`,
        `apt-get install postfix-${type}, or use one of: ${usable.join(', ')}`,
      ),
    );
}

/** What keeps Postfix from opening a map that it looks up. */
export async function checkMapFile(
  map: MapTarget,
  reader: Reader,
  { mode, targets }: Config,
): Promise<Finding[]> {
  const { type, file } = map;
  const fix =
    mode === 'observe'
      ? 'remove the line from main.cf, or set mode: enforce and restart Postern: in observe mode it writes no maps'
      : 'start Postern, which writes the file';
  if (!existsSync(file))
    return [wrong('mta', `Postfix looks up ${file}, which does not exist`, fix)];
  if (!hasIndex(map)) {
    const text = `the index of ${file} is missing or out of date`;
    return [wrong('mta', text, `postmap ${type}:${file}`)];
  }
  const reason = await tryMap(map, reader, targets.postfix.postmap);
  if (reason === undefined) return [];
  const barrier = reader.login === undefined ? undefined : findBarrier(file);
  const text = `${reader.name} cannot open ${file}, and ${reader.outcome}: ${barrier ?? reason}`;
  return [wrong('mta', text, fixFor(file, barrier))];
}

function fixFor(file: string, barrier: string | undefined): string {
  if (barrier === undefined) return 'correct the file, or its owner and mode';
  const folder = /^the folder (.*) has mode [0-7]+$/.exec(barrier)?.[1];
  return folder === undefined ? `chmod o+r ${file}` : `chmod o+x ${folder}`;
}

/** Whether the index that Postfix reads exists and is up to date; true for a type without one. */
export function hasIndex({ type, file }: MapTarget): boolean {
  return !(type in INDEXED) || isIndexed({ type: type as IndexedType, file });
}

/** Any key does: what counts is whether the table opens. It is an address because cidr tables take nothing else. */
const KEY = '192.0.2.1';

/** Why it cannot be opened. Without the right to become the account, modes alone decide. */
async function tryMap(
  { type, file }: MapTarget,
  { login }: Reader,
  postmap: readonly string[],
): Promise<string | undefined> {
  const asker = login === undefined ? undefined : askerFor(login);
  if (login !== undefined && asker?.become === undefined) return findBarrier(file);
  if (login === undefined && process.geteuid?.() !== 0) return undefined;
  const argv = lookUpCommand(type, file, postmap);
  return argv === undefined ? undefined : await tryCommand(argv, asker);
}

/** A list is not a table: authorized_submit_users reads the file itself. */
function lookUpCommand(
  type: string,
  file: string,
  [program = '', ...options]: readonly string[],
): string[] | undefined {
  if (type === 'list') return ['cat', file];
  const postmap = findProgram(program);
  return postmap === undefined ? undefined : [postmap, ...options, '-q', KEY, `${type}:${file}`];
}

/** postmap ends with status 1 if the table has no such key, too, and it may warn of anything. */
async function tryCommand(
  argv: readonly string[],
  asker: Asker | undefined,
): Promise<string | undefined> {
  const result = await ask(asker?.become?.(argv) ?? argv);
  const fatal = result.stderr
    .split('\n')
    .find((line) => /^\w+: (?:fatal|error|panic): /.test(line));
  if (result.status === 0 || (result.status === 1 && argv.includes('-q') && fatal === undefined))
    return undefined;
  return fatal ?? describeFailure(argv, result);
}
