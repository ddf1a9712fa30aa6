/** Postfix restriction lists as the audit looks at them: what a restriction does, and what it costs. Pure. */
import {
  expandEntries,
  type Entry as Listed,
  parseEntries,
} from '../../setup/postfix/restriction-list.ts';
import { LISTS, type List, type SmtpdService } from '../../setup/postfix/services.ts';
import { COST } from '../cost.ts';

/** The lists that are evaluated at RCPT at the latest (smtpd_delay_reject), in that order. */
export const RCPT_LISTS: readonly List[] = LISTS.slice(
  0,
  LISTS.indexOf('smtpd_recipient_restrictions') + 1,
);

export interface Entry extends Listed {
  /** the parameter in which it stands */
  readonly list: List;
}

/** A restriction as it is written; in front of a class, `warn_if_reject` is for each of its restrictions. */
export function entryText({ written, argument, warns }: Listed): string {
  const words = argument === undefined || argument === written ? written : `${written} ${argument}`;
  return `${warns ? 'warn_if_reject ' : ''}${words}`;
}

/** All restrictions of a service, classes expanded. */
export function entriesOf(service: SmtpdService): Entry[] {
  return LISTS.flatMap((list) => service.entries(list).map((entry) => ({ ...entry, list })));
}

/** The restrictions of a class; `classes` are smtpd_restriction_classes. */
export function readClass(value: string, classes: ReadonlyMap<string, string>): Listed[] {
  return expandEntries(parseEntries(value), ({ written }) => {
    const inside = classes.get(written);
    return inside === undefined ? undefined : parseEntries(inside);
  });
}

/** What a restriction costs, see COST. */
export function costOf({ name }: Pick<Listed, 'name'>): number {
  if (/^reject_(?:rbl|rhsbl)_/.test(name)) return COST.blocklist;
  if (/^(?:reject_unverified_|check_policy_service$)/.test(name)) return COST.callout;
  if (/^reject_unknown_(?!recipient$|address$)|^check_\w+_(?:mx|ns|a)_access$/.test(name))
    return COST.dns;
  return /^check_/.test(name) ? COST.table : COST.local;
}

/** Moving another restriction across one that may permit changes who is checked at all. */
export function isBarrier({ name, warns }: Pick<Listed, 'name' | 'warns'>): boolean {
  return warns || /^(?:permit|check_\w+_access$|reject$|defer|sleep$)/.test(name);
}

const REFUSES_ALL = ['reject', 'defer'];
const REFUSES_FOREIGN = [
  'reject_unauth_destination',
  'defer_unauth_destination',
  'check_relay_domains',
];

/** Whether this restriction refuses mail of a stranger to a foreign domain. */
export function isRelayCheck({ name, warns }: Pick<Listed, 'name' | 'warns'>): boolean {
  return !warns && (REFUSES_ALL.includes(name) || REFUSES_FOREIGN.includes(name));
}

/** Whether a service refuses everybody who is not known: a submission service. */
export function refusesStrangers(entries: readonly Entry[]): boolean {
  const lists = new Set(entries.map(({ list }) => list));
  return [...lists].some((name) => {
    const list = entries.filter((entry) => entry.list === name);
    const end = list.find(
      (entry) => !entry.warns && (entry.name === 'permit' || REFUSES_ALL.includes(entry.name)),
    );
    return end !== undefined && end.name !== 'permit';
  });
}
