/**
 * The SMTP services of a Postfix and what each of them asks: main.cf, overridden by master.cf, classes in place.
 * Asks postconf(1) only.
 */

import { ask, settingsIn } from '../programs.ts';
import { LIST_ENDS, type Restriction } from '../recipe.ts';
import { postfixSettings } from './find.ts';

/** smtpd's lists, in the order in which it walks them. */
export const LISTS = [
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
] as const;

/** One smtpd of master.cf with what holds for it. */
export interface SmtpdService {
  /** `submission/inet`, as `postconf -P` names it */
  readonly name: string;
  /** it sees nothing but the queue directory */
  readonly chroot: boolean;
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

/** `-` is the default: no, and yes in a main.cf that was written for Postfix 2 (compatibility_level 0). */
function isChroot(column: string | undefined, main: ReadonlyMap<string, string>): boolean {
  return column === 'y' || (column === '-' && main.get('compatibility_level') === '0');
}

/** Named lists that restriction lists may hold (smtpd_restriction_classes). */
export async function restrictionClasses(
  postconf: readonly string[],
  main: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> {
  const names = words(main.get('smtpd_restriction_classes') ?? '');
  return names.length === 0 ? new Map() : await postfixSettings(postconf, names);
}

/** Mail that comes back from a content filter was asked about when it came in first. */
export function isReinjection({ name, overrides }: SmtpdService): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]):/.test(name) && overrides('content_filter');
}

type Place = { readonly kind: 'asked' } | { readonly kind: 'missing'; readonly why: string };

/** Where a service asks a map: in the first list that holds it with nothing before it that ends the list. */
export function describePlace(
  { check, map, target }: Restriction,
  service: SmtpdService,
  classes: ReadonlyMap<string, string>,
): Place {
  // Who logs in is judged by the account: an authenticated session may pass the client map by.
  const ends = (entry: string) =>
    LIST_ENDS.includes(entry) && !(target === 'client' && entry === 'permit_sasl_authenticated');
  let why = '';
  for (const list of LISTS) {
    const entries = listEntries(service.setting(list), classes);
    const index = entries.indexOf(`${check} ${map}`);
    const before = entries.slice(0, Math.max(index, 0)).find(ends);
    if (index >= 0 && before === undefined) return { kind: 'asked' };
    if (index >= 0) why = `: in ${list} it stands behind ${before}`;
    const file = map.slice(map.indexOf(':'));
    const other = entries.find((entry) => entry.startsWith(`${check} `) && entry.endsWith(file));
    if (index < 0 && other !== undefined && why === '') why = `: ${list} has ${other}`;
  }
  return { kind: 'missing', why };
}

/**
 * Whether a map can matter to a service at all: users where AUTH is offered, clients where mail is taken without it.
 * `permit_sasl_authenticated, reject` is how a submission service demands AUTH.
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

/** A list as restrictions with their table or address, restriction classes in place. */
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
