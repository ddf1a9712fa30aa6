/** Postfix restriction lists as smtpd reads them: each restriction with its argument, classes expanded. Pure. */
import type { SmtpdService } from '../../setup/postfix/services.ts';
import { COST } from '../cost.ts';

/** The lists that are evaluated at RCPT at the latest (smtpd_delay_reject), in that order. */
export const RCPT_LISTS = [
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
] as const;
export const ALL_LISTS = [
  ...RCPT_LISTS,
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
] as const;

export interface Entry {
  readonly name: string;
  /** its table, list or address, as it is written */
  readonly argument: string;
  /** behind `warn_if_reject`: it refuses nothing */
  readonly onlyWarns: boolean;
  /** the parameter in which it stands */
  readonly list: string;
}

/** A restriction as it is written. */
export function entryText({ name, argument, onlyWarns }: Entry): string {
  return `${onlyWarns ? 'warn_if_reject ' : ''}${name}${argument === '' ? '' : ` ${argument}`}`;
}

/** Words of a list, separated by white space and commas; what is in braces stays together. */
export function splitWords(list: string): string[] {
  const found: string[] = [];
  let word = '';
  let depth = 0;
  for (const char of list) {
    if (char === '{') depth += 1;
    if (char === '}') depth -= 1;
    if (depth === 0 && /[\s,]/.test(char)) {
      if (word !== '') found.push(word);
      word = '';
    } else word += char;
  }
  return word === '' ? found : [...found, word];
}

const TAKES_ARGUMENT =
  /^(?:check_\w+_access|check_policy_service|sleep|reject_rbl_client|reject_rhsbl_\w+|permit_dnswl_client|permit_rhswl_client)$/;

/** The restrictions of one list; `classes` are smtpd_restriction_classes. */
export function readList(
  list: string,
  value: string,
  classes: ReadonlyMap<string, string>,
  depth = 0,
): Entry[] {
  const found: Entry[] = [];
  let onlyWarns = false;
  let open: { name: string; onlyWarns: boolean } | undefined;
  for (const word of splitWords(value)) {
    const inside = classes.get(word);
    if (open !== undefined) {
      found.push({ ...open, argument: word, list });
      open = undefined;
    } else if (word === 'warn_if_reject') onlyWarns = true;
    else if (TAKES_ARGUMENT.test(word)) {
      open = { name: word, onlyWarns };
      onlyWarns = false;
    } else if (inside !== undefined && depth < 5)
      found.push(...readList(list, inside, classes, depth + 1));
    else {
      found.push({ name: word, argument: '', onlyWarns, list });
      onlyWarns = false;
    }
  }
  return found;
}

/** All restrictions of a service up to RCPT, or those of `lists`. */
export function entriesOf(
  service: SmtpdService,
  classes: ReadonlyMap<string, string>,
  lists: readonly string[] = ALL_LISTS,
): Entry[] {
  return lists.flatMap((list) => readList(list, service.setting(list), classes));
}

/** What a restriction costs, see COST. */
export function costOf({ name }: Pick<Entry, 'name'>): number {
  if (/^reject_(?:rbl|rhsbl)_/.test(name)) return COST.blocklist;
  if (/^(?:reject_unverified_|check_policy_service$)/.test(name)) return COST.callout;
  if (/^reject_unknown_(?!recipient$|address$)|^check_\w+_(?:mx|ns|a)_access$/.test(name))
    return COST.dns;
  return /^check_/.test(name) ? COST.table : COST.local;
}

/** Moving another restriction across one that may permit changes who is checked at all. */
export function isBarrier({ name, onlyWarns }: Pick<Entry, 'name' | 'onlyWarns'>): boolean {
  return onlyWarns || /^(?:permit|check_\w+_access$|reject$|defer|sleep$)/.test(name);
}

const REFUSES_ALL = ['reject', 'defer'];
const REFUSES_FOREIGN = [
  'reject_unauth_destination',
  'defer_unauth_destination',
  'check_relay_domains',
];

/** Whether this restriction refuses mail of a stranger to a foreign domain. */
export function isRelayCheck({ name, onlyWarns }: Pick<Entry, 'name' | 'onlyWarns'>): boolean {
  return !onlyWarns && (REFUSES_ALL.includes(name) || REFUSES_FOREIGN.includes(name));
}

/** Whether a service refuses everybody who is not known: a submission service. */
export function refusesStrangers(entries: readonly Entry[]): boolean {
  const lists = new Set(entries.map(({ list }) => list));
  return [...lists].some((name) => {
    const list = entries.filter((entry) => entry.list === name);
    const end = list.find(
      (entry) => !entry.onlyWarns && (entry.name === 'permit' || REFUSES_ALL.includes(entry.name)),
    );
    return end !== undefined && end.name !== 'permit';
  });
}
