/**
 * The lines of main.cf that connect Postfix to the maps that Postern writes: what `postern init` prints, `postern
 * check` looks for and docs/mta shows (a test compares). Pure; does not know what is in effect.
 */
import type { PostfixTargets } from '../../config/load.ts';
import { referenceOf } from './expand.ts';
import { permission, refusesAll } from './restriction-effect.ts';
import {
  type Entry,
  expandEntries,
  parseEntries,
  plainTable,
  splitWords,
} from './restriction-list.ts';

/** A restriction of main.cf, `check_sasl_access lmdb:/etc/postfix/postern/sasl_access`. */
export interface Restriction {
  readonly target: 'user' | 'client' | 'sender';
  readonly check: 'check_sasl_access' | 'check_client_access' | 'check_sender_access';
  readonly map: string;
  /** what its lines do: HOLD, REJECT */
  readonly action: string;
}

const CHECKS = {
  user: 'check_sasl_access',
  client: 'check_client_access',
  sender: 'check_sender_access',
} as const;

/**
 * The restrictions for all maps that are in use. They belong into `smtpd_data_restrictions`: the usual `submission`
 * service of master.cf does not override that list, and no `permit` is before it.
 */
export function postfixRestrictions(targets: PostfixTargets): Restriction[] {
  return (['user', 'sender', 'client'] as const).flatMap((target) => {
    const map = targets[target];
    return map === undefined
      ? []
      : [{ target, check: CHECKS[target], map: `${map.type}:${map.file}`, action: map.action }];
  });
}

/** The first item that `authorized_submit_users` needs; undefined when the map is switched off. */
export function submitPattern(targets: PostfixTargets): string | undefined {
  if (targets.uid === undefined) return undefined;
  const { type, file } = targets.uid;
  return type === 'list' ? `!${file}` : `!${type}:${file}`;
}

/** What main.cf has now, as it is written, so that nothing of it gets lost. */
interface PostfixValues {
  /** smtpd_data_restrictions */
  readonly data: string;
  /** authorized_submit_users */
  readonly submit: string;
  readonly lookup?: Lookup;
}

/** What a class or the `$name` of a parameter stands for, expanded; undefined for what is neither. */
export type Lookup = (name: string) => string | undefined;

const POSTFIX_DEFAULTS: PostfixValues = { data: '', submit: 'static:anyone' };

/** The lines for main.cf; they replace settings of the same name and keep what those had. */
export function postfixLines(targets: PostfixTargets, now = POSTFIX_DEFAULTS): string {
  return dataLines(targets, now.data, now.lookup) + submitLine(targets, now.submit);
}

/** A list as lines of main.cf. */
export function listLines(list: string, entries: readonly string[]): string {
  return `${list} =\n    ${entries.join(',\n    ')}\n`;
}

/**
 * `smtpd_data_restrictions` with our entries; empty when no map is in use. Every entry that the list has now stays, in
 * its order. Ours come before the first that may let somebody pass for whom they are, and as late as possible.
 */
export function dataLines(
  targets: PostfixTargets,
  now = POSTFIX_DEFAULTS.data,
  lookup: Lookup = () => undefined,
): string {
  const ours = postfixRestrictions(targets);
  if (ours.length === 0) return '';
  const isOurs = ({ name, argument = '' }: Entry) =>
    ours.some(({ check, map }) => name === check && plainTable(argument) === map);
  const kept = parseEntries(now).filter((entry) => !isOurs(entry));
  const clientEnd = endFor('client', kept, lookup);
  // A user may come from mynetworks, too.
  const end = Math.min(clientEnd, endFor('user', kept, lookup));
  const text = (some: readonly Entry[]) => some.map((entry) => entry.text);
  const entries = [
    ...text(kept.slice(0, end)),
    ...render(ours.filter(({ target }) => target !== 'client')),
    ...text(kept.slice(end, clientEnd)),
    ...withSkip(ours, expandNames(kept.slice(0, clientEnd), lookup), clientEnd === kept.length),
    ...text(kept.slice(clientEnd)),
  ];
  return listLines('smtpd_data_restrictions', entries);
}

function render(restrictions: readonly Restriction[]): string[] {
  return restrictions.map(({ check, map }) => `${check} ${map}`);
}

/** Where the first entry is that may end the list for this party; the length of the list if none is. */
function endFor(party: 'user' | 'client', kept: readonly Entry[], lookup: Lookup): number {
  const index = kept.findIndex((entry) =>
    expandNames([entry], lookup).some(
      (one) => refusesAll(one) || permission(one, party) !== 'never',
    ),
  );
  return index < 0 ? kept.length : index;
}

function expandNames(entries: readonly Entry[], lookup: Lookup): Entry[] {
  return expandEntries(entries, ({ written }) => {
    const value = lookup(referenceOf(written) ?? written);
    return value === undefined ? undefined : parseEntries(value);
  });
}

const SKIP_AUTHENTICATED = 'permit_sasl_authenticated';

/**
 * The map of clients. An authenticated user is judged by the account and not by the address, so the entry that lets
 * users pass comes before it; but only at the end of the list, where it keeps them from nothing.
 */
function withSkip(
  ours: readonly Restriction[],
  before: readonly Entry[],
  isLast: boolean,
): string[] {
  const client = render(ours.filter(({ target }) => target === 'client'));
  const isSkipped = before.some(({ name }) => name === SKIP_AUTHENTICATED);
  return client.length > 0 && isLast && !isSkipped ? [SKIP_AUTHENTICATED, ...client] : client;
}

/**
 * `authorized_submit_users` with our list first; empty when the map is switched off. A list of exceptions alone
 * matches nobody, like the empty one that it replaces.
 */
export function submitLine(targets: PostfixTargets, now = POSTFIX_DEFAULTS.submit): string {
  const pattern = submitPattern(targets);
  if (pattern === undefined) return '';
  const kept = splitWords(now).filter((word) => word !== pattern);
  return `authorized_submit_users = ${[pattern, ...kept].join(', ')}\n`;
}
