/**
 * The SMTP services of a Postfix with the settings and restrictions of each: main.cf, overridden by master.cf, `$name`
 * and classes expanded. Asks only postconf(1).
 */
import { ask, settingsIn } from '../programs.ts';
import { isPosterns } from '../unanswered.ts';
import { referencesIn } from './expand.ts';
import { postfixSettings } from './find.ts';
import { findPlaces, type Places } from './places.ts';
import type { Lookup, Restriction } from './recipe.ts';
import { findRefusal, type Party, permission, refusesAll } from './restriction-effect.ts';
import {
  type Entry,
  expandEntries,
  parseEntries,
  parseService,
  plainTable,
  splitWords,
} from './restriction-list.ts';

/** smtpd's lists, in the order in which it evaluates them, and what a table alone means in each (def_acl). */
const DEFAULT_CHECKS = {
  smtpd_client_restrictions: 'check_client_access',
  smtpd_helo_restrictions: 'check_helo_access',
  smtpd_sender_restrictions: 'check_sender_access',
  smtpd_relay_restrictions: 'check_recipient_access',
  smtpd_recipient_restrictions: 'check_recipient_access',
  smtpd_data_restrictions: '',
  smtpd_end_of_data_restrictions: '',
} as const;

export type List = keyof typeof DEFAULT_CHECKS;

export const LISTS = Object.keys(DEFAULT_CHECKS) as List[];

/** The lists that get new entries. */
const EXTENDED: readonly List[] = ['smtpd_data_restrictions', 'smtpd_end_of_data_restrictions'];

/** The setting that names the classes. */
export const CLASSES = 'smtpd_restriction_classes';

/** One smtpd of master.cf with its settings. */
export interface SmtpdService {
  /** `submission/inet`, as `postconf -P` names it */
  readonly name: string;
  /** it sees nothing but the queue directory */
  readonly chroot: boolean;
  /** where a fix for it goes */
  readonly places: Places;
  /** its value, from master.cf or from main.cf; empty when neither has one */
  setting(name: string): string;
  /** the same as it is written, with `$name` */
  written(name: string): string;
  /** whether master.cf has an `-o` of its own for it */
  overrides(name: string): boolean;
  /** what a class, or a parameter in one of its lists, stands for */
  readonly lookup: Lookup;
  /** the restrictions of a list as smtpd goes through them: classes are expanded */
  entries(list: List): readonly Entry[];
}

/** Every smtpd of master.cf. `main` has the settings of main.cf that are asked for later. */
export async function smtpdServices(
  postconf: readonly string[],
  main: ReadonlyMap<string, string>,
): Promise<SmtpdService[]> {
  const [table, overrides, written] = await Promise.all([
    ask([...postconf, '-M']),
    ask([...postconf, '-P']),
    ask([...postconf, ...LISTS]),
  ]);
  const files = {
    postconf,
    main,
    own: settingsIn(overrides.stdout),
    written: settingsIn(written.stdout),
  };
  const lines = table.stdout.split('\n').map((line) => line.split(/\s+/));
  const smtpds = lines.filter((columns) => columns[7] === 'smtpd');
  return await Promise.all(
    smtpds.map(([service, type, , , chroot]) =>
      readService(`${service}/${type}`, isChroot(chroot, main), files),
    ),
  );
}

interface Files {
  readonly postconf: readonly string[];
  readonly main: ReadonlyMap<string, string>;
  /** `submission/inet/name` with what -o says */
  readonly own: ReadonlyMap<string, string>;
  /** of main.cf, not expanded */
  readonly written: ReadonlyMap<string, string>;
}

/** Asks postconf as if main.cf had the values of master.cf, so that `$name` is what this service sees. */
async function readService(name: string, chroot: boolean, files: Files): Promise<SmtpdService> {
  const { postconf, main } = files;
  const own = new Map(
    [...files.own].flatMap(([key, value]) =>
      key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), value] as const] : [],
    ),
  );
  const written = new Map([...files.written, ...own]);
  const classes = splitWords(own.get(CLASSES) ?? main.get(CLASSES) ?? '');
  const references = EXTENDED.flatMap((list) => referencesIn(written.get(list) ?? ''));
  const names = [...new Set([...main.keys(), ...classes, ...references])];
  const options = [...own].flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  const isMain = own.size === 0 && names.length === main.size;
  const settings = isMain ? main : await postfixSettings([...postconf, ...options], names);
  const places = findPlaces(postconf);
  return buildService({ name, chroot, places, settings, written, own: new Set(own.keys()) });
}

interface ServiceSettings {
  readonly name: string;
  readonly chroot: boolean;
  readonly places: Places;
  /** expanded, with classes and the parameters that its lists refer to */
  readonly settings: ReadonlyMap<string, string>;
  /** not expanded */
  readonly written: ReadonlyMap<string, string>;
  /** the names for which master.cf has an `-o` */
  readonly own: ReadonlySet<string>;
}

/** A service from what postconf printed. */
export function buildService({
  name,
  chroot,
  places,
  settings,
  written,
  own,
}: ServiceSettings): SmtpdService {
  const setting = (key: string) => settings.get(key) ?? '';
  const references = EXTENDED.flatMap((list) => referencesIn(written.get(list) ?? ''));
  const lookup = buildLookup(settings, splitWords(setting(CLASSES)), references);
  return {
    name,
    chroot,
    places,
    setting,
    written: (key) => written.get(key) ?? '',
    overrides: (key) => own.has(key),
    lookup,
    entries: (list) => {
      const bare = DEFAULT_CHECKS[list];
      return expandEntries(parseEntries(setting(list), bare), (entry) => {
        const value = lookup(entry.written);
        return value === undefined ? undefined : parseEntries(value, bare);
      });
    },
  };
}

/** Classes go by exact names (a hash table in smtpd_check.c). A parameter of Postfix itself is in no list. */
export function buildLookup(
  settings: ReadonlyMap<string, string>,
  classes: readonly string[],
  references: readonly string[],
): Lookup {
  return (name) => {
    return classes.includes(name) || references.includes(name) ? settings.get(name) : undefined;
  };
}

/** `-` is the default: no, but yes in a main.cf that was written for Postfix 2 (compatibility_level 0). */
function isChroot(column: string | undefined, main: ReadonlyMap<string, string>): boolean {
  return column === 'y' || (column === '-' && main.get('compatibility_level') === '0');
}

/** Whether a service takes mail back from a content filter: that mail was checked when it first came in. */
export function isReinjection({ name, overrides }: SmtpdService): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]):/.test(name) && overrides('content_filter');
}

/** Whether it takes logins. */
export function offersAuth({ setting }: SmtpdService): boolean {
  return setting('smtpd_sasl_auth_enable') === 'yes';
}

/**
 * `behind`: a table or service in front of it that may let some pass; `why`: what is there instead, the end of a
 * sentence, perhaps empty
 */
type Place =
  | { readonly kind: 'used'; readonly behind?: string }
  | { readonly kind: 'missing'; readonly why: string };

/** Where a service uses a map: in the best list that has it. `own`: restrictions that let nobody pass. */
export function findPlace(
  restriction: Restriction,
  service: SmtpdService,
  own: readonly Restriction[],
): Place {
  const places = LISTS.filter((list) => isInTime(list, restriction, service)).map((list) =>
    placeIn(restriction, service, list, own),
  );
  const used = places.filter((place) => place?.kind === 'used');
  const best = used.find((place) => place?.kind === 'used' && place.behind === undefined);
  return best ?? used[0] ?? places.find((place) => place !== undefined) ?? NOWHERE;
}

const NOWHERE: Place = { kind: 'missing', why: '' };

/**
 * With `smtpd_delay_reject = no` smtpd evaluates its first lists before it knows user and sender, and HOLD has no
 * effect there (not_in_client_helo in smtpd_check.c).
 */
function isInTime(list: List, { target, action }: Restriction, { setting }: SmtpdService): boolean {
  if (setting('smtpd_delay_reject') !== 'no') return true;
  if (list !== 'smtpd_client_restrictions' && list !== 'smtpd_helo_restrictions') return true;
  return target === 'client' && action !== 'HOLD';
}

function placeIn(
  restriction: Restriction,
  service: SmtpdService,
  list: List,
  own: readonly Restriction[],
): Place | undefined {
  const { check, map, target } = restriction;
  const entries = service.entries(list);
  const index = entries.findIndex((entry) => isRestriction(entry, restriction));
  if (index < 0) return otherType(entries, check, map, list);
  if (entries[index]?.warns === true)
    return { kind: 'missing', why: `: in ${list} it comes after warn_if_reject` };
  const before = entries.slice(0, index);
  const end = before.find((entry) => endsBefore(entry, target, offersAuth(service)));
  if (end !== undefined) return { kind: 'missing', why: `: in ${list} it comes after ${end.text}` };
  const parties = partiesOf(target);
  const behind = before
    .filter((entry) => !isOurService(entry) && !own.some((one) => isRestriction(entry, one)))
    .find((entry) => parties.some((party) => mayPass(entry, party, service)));
  return behind === undefined ? { kind: 'used' } : { kind: 'used', behind: behind.text };
}

function isRestriction({ name, argument = '' }: Entry, { check, map }: Restriction): boolean {
  return name === check && plainTable(argument) === map;
}

/** Postern's policy service lets nobody pass either. */
function isOurService({ name, argument = '' }: Entry): boolean {
  return name === 'check_policy_service' && isPosterns(parseService(argument).address);
}

function mayPass(entry: Entry, party: Party, service: SmtpdService): boolean {
  return permission(entry, party, offersAuth(service)) === 'maybe';
}

/** Whom a map is for. */
function partiesOf(target: Restriction['target']): Party[] {
  return target === 'user' ? ['user'] : target === 'client' ? ['client'] : ['user', 'client'];
}

/**
 * Whether what stands behind the restriction is not for everybody whom the map is for. Users come from mynetworks,
 * too. A table decides for itself, so it is not the end.
 */
function endsBefore(entry: Entry, target: Restriction['target'], auth: boolean): boolean {
  if (refusesAll(entry)) return true;
  if (!/^permit/.test(entry.name)) return false;
  return (target !== 'client' && auth) || permission(entry, 'client', auth) !== 'never';
}

function otherType(
  entries: readonly Entry[],
  check: string,
  map: string,
  list: List,
): Place | undefined {
  const file = map.slice(map.indexOf(':'));
  const other = entries.find(
    ({ name, argument }) => name === check && argument?.endsWith(file) === true,
  );
  return other === undefined ? undefined : { kind: 'missing', why: `: ${list} has ${other.text}` };
}

/**
 * Whether a map matters to a service at all: users where AUTH is offered, clients where mail is taken without it.
 * A submission service demands AUTH by `permit_sasl_authenticated, reject`.
 */
export function needs({ target }: Restriction, service: SmtpdService): boolean {
  if (target === 'user') return offersAuth(service);
  if (target === 'sender') return true;
  return !LISTS.some((list) => findRefusal(service.entries(list), 'client') !== undefined);
}
