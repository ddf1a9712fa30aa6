/**
 * The SMTP services of a Postfix and the restrictions of each: main.cf, overridden by master.cf, classes expanded.
 * Asks only postconf(1).
 */
import { ask, settingsIn } from '../programs.ts';
import { postfixSettings } from './find.ts';
import { LIST_ENDS, type Restriction } from './recipe.ts';

/** smtpd's lists, in the order in which it evaluates them. */
export const LISTS = [
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
] as const;

/** One smtpd of master.cf with its settings. */
export interface SmtpdService {
  /** `submission/inet`, as `postconf -P` names it */
  readonly name: string;
  /** it sees nothing but the queue directory */
  readonly chroot: boolean;
  /** its value, from master.cf or from main.cf; empty when neither has one */
  setting(name: string): string;
  /** whether master.cf has an `-o` of its own for it */
  overrides(name: string): boolean;
}

/** Every smtpd of master.cf. */
export async function smtpdServices(
  postconf: readonly string[],
  main: ReadonlyMap<string, string>,
): Promise<SmtpdService[]> {
  const [table, overrides] = await Promise.all([
    ask([...postconf, '-M']),
    ask([...postconf, '-x', '-P']),
  ]);
  const own = settingsIn(overrides.stdout);
  return table.stdout.split('\n').flatMap((line) => {
    const [service, type, , , chroot, , , command] = line.split(/\s+/);
    if (command !== 'smtpd') return [];
    const name = `${service}/${type}`;
    const setting = (key: string) => own.get(`${name}/${key}`) ?? main.get(key) ?? '';
    const overrides = (key: string) => own.has(`${name}/${key}`);
    return [{ name, chroot: isChroot(chroot, main), setting, overrides }];
  });
}

/** `-` is the default: no, but yes in a main.cf that was written for Postfix 2 (compatibility_level 0). */
function isChroot(column: string | undefined, main: ReadonlyMap<string, string>): boolean {
  return column === 'y' || (column === '-' && main.get('compatibility_level') === '0');
}

/** Named lists that restriction lists may contain (smtpd_restriction_classes). */
export async function restrictionClasses(
  postconf: readonly string[],
  main: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const names = words(main.get('smtpd_restriction_classes') ?? '');
  return names.length === 0 ? new Map() : await postfixSettings(postconf, names);
}

/** Whether a service takes mail back from a content filter: that mail was checked when it first came in. */
export function isReinjection({ name, overrides }: SmtpdService): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]):/.test(name) && overrides('content_filter');
}

/** `why`: what is there instead, the end of a sentence, perhaps empty */
type Place = { readonly kind: 'used' } | { readonly kind: 'missing'; readonly why: string };

/** Where a service uses a map: in the first list that has it with no entry before it that ends the list. */
export function findPlace(
  { check, map, target }: Restriction,
  service: SmtpdService,
  classes: ReadonlyMap<string, string>,
): Place {
  // An authenticated session is judged by its account, so it may skip the client map.
  const ends = (entry: string) =>
    LIST_ENDS.includes(entry) && !(target === 'client' && entry === 'permit_sasl_authenticated');
  let why = '';
  for (const list of LISTS) {
    const entries = listEntries(service.setting(list), classes);
    const index = entries.indexOf(`${check} ${map}`);
    const before = entries.slice(0, Math.max(index, 0)).find(ends);
    if (index >= 0 && before === undefined) return { kind: 'used' };
    if (index >= 0) why = `: in ${list} it comes after ${before}`;
    const file = map.slice(map.indexOf(':'));
    const other = entries.find((entry) => entry.startsWith(`${check} `) && entry.endsWith(file));
    if (index < 0 && other !== undefined && why === '') why = `: ${list} has ${other}`;
  }
  return { kind: 'missing', why };
}

/**
 * Whether a map matters to a service at all: users where AUTH is offered, clients where mail is taken without it.
 * A submission service demands AUTH by `permit_sasl_authenticated, reject`.
 */
export function needs(
  { target }: Restriction,
  service: SmtpdService,
  classes: ReadonlyMap<string, string>,
): boolean {
  if (target === 'user') return service.setting('smtpd_sasl_auth_enable') === 'yes';
  if (target === 'sender') return true;
  return !LISTS.some((list) => {
    const entries = listEntries(service.setting(list), classes);
    return (
      entries.find(
        (entry) => LIST_ENDS.includes(entry) && entry !== 'permit_sasl_authenticated',
      ) === 'reject'
    );
  });
}

/** A list as restrictions with their table or address, restriction classes expanded. */
export function listEntries(
  list: string,
  classes: ReadonlyMap<string, string>,
  depth = 0,
): string[] {
  const entries: string[] = [];
  for (const word of words(list)) {
    const last = entries.at(-1);
    const inside = classes.get(word);
    if (word.includes(':') && last !== undefined && !last.includes(' '))
      entries[entries.length - 1] = `${last} ${word.replace(/^proxy:/, '')}`;
    else if (inside !== undefined && depth < 5)
      entries.push(...listEntries(inside, classes, depth + 1));
    else entries.push(word);
  }
  return entries;
}

/** Words of a list; commas and braces only separate. */
export function words(list: string): string[] {
  return list.split(/[\s,{}]+/).filter((word) => word !== '');
}
