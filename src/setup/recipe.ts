/**
 * The lines that connect an MTA to the files Postern writes: what `postern init` prints, `postern check` looks for
 * and docs/mta shows (a test compares). Rendered from the configuration; says nothing about what is in effect.
 */
import { readFileSync } from 'node:fs';
import type { EximTargets, PostfixTargets } from '../config/load.ts';

/** A restriction as it stands in main.cf, `check_sasl_access lmdb:/etc/postfix/postern/sasl_access`. */
export interface Restriction {
  readonly target: 'user' | 'client' | 'sender';
  readonly check: 'check_sasl_access' | 'check_client_access' | 'check_sender_access';
  readonly map: string;
}

/**
 * The restrictions for all maps that are in use. They belong into `smtpd_data_restrictions`: of all lists that is
 * the one which the usual `submission` service in master.cf does not override, and no `permit` stands before it.
 */
export function postfixRestrictions(targets: PostfixTargets): Restriction[] {
  const checks = {
    user: 'check_sasl_access',
    client: 'check_client_access',
    sender: 'check_sender_access',
  } as const;
  return (['user', 'sender', 'client'] as const).flatMap((target) => {
    const map = targets[target];
    return map === undefined
      ? []
      : [{ target, check: checks[target], map: `${map.type}:${map.file}` }];
  });
}

/** What `authorized_submit_users` has to begin with; undefined when the map is switched off. */
export function submitPattern(targets: PostfixTargets): string | undefined {
  if (targets.uid === undefined) return undefined;
  const { type, file } = targets.uid;
  return type === 'list' ? `!${file}` : `!${type}:${file}`;
}

/** Values that main.cf has now, so that nothing of the operator's gets lost. */
export interface PostfixValues {
  /** smtpd_data_restrictions */
  readonly data: string;
  /** authorized_submit_users */
  readonly submit: string;
}

const POSTFIX_DEFAULTS: PostfixValues = { data: '', submit: 'static:anyone' };

/** The lines for main.cf; they replace settings of the same name and keep what those held. */
export function postfixLines(targets: PostfixTargets, now = POSTFIX_DEFAULTS): string {
  return dataLines(targets, now.data) + submitLine(targets, now.submit);
}

/**
 * `smtpd_data_restrictions` with our entries; empty when no map is in use. What the list held goes in front, up to
 * the first entry that ends it for somebody. An authenticated user is judged by the account, not by the address.
 */
export function dataLines(targets: PostfixTargets, now = POSTFIX_DEFAULTS.data): string {
  const ours = postfixRestrictions(targets).map(({ check, map }) => `${check} ${map}`);
  if (ours.length === 0) return '';
  const kept = withoutOurs(now, ours).split(/\s*,\s*|\s+(?=(?:permit|reject|defer)\b)/);
  const items = kept.filter((entry) => entry !== '' && entry !== SKIP_AUTHENTICATED);
  const end = items.findIndex((entry) => LIST_ENDS.includes(entry));
  const front = end < 0 ? items : items.slice(0, end);
  const back = end < 0 ? [] : items.slice(end);
  const entries = [...front, ...withSkip(ours, back.length === 0), ...back];
  return `smtpd_data_restrictions =\n    ${entries.join(',\n    ')}\n`;
}

/** A restriction list for `postconf -P`, which takes no white space; to smtpd a comma is as good. */
export function masterValue(list: string): string {
  return list
    .trim()
    .replaceAll(/\s*([{}])\s*/g, ' $1 ')
    .replaceAll(/[\s,]+/g, ',')
    .replaceAll('{,', '{')
    .replaceAll(',}', '}')
    .replace(/,$/, '');
}

/** Entries behind which nothing is asked any more, for the submitters that matter here. */
export const LIST_ENDS = [
  'permit',
  'permit_mynetworks',
  'permit_sasl_authenticated',
  'reject',
  'defer',
];
const SKIP_AUTHENTICATED = 'permit_sasl_authenticated';

function withSkip(ours: readonly string[], last: boolean): string[] {
  const client = ours.findIndex((entry) => entry.startsWith('check_client_access'));
  if (client < 0 || !last) return [...ours];
  return [...ours.slice(0, client), SKIP_AUTHENTICATED, ...ours.slice(client)];
}

/** `authorized_submit_users` with our list in front; empty when it is switched off. */
export function submitLine(targets: PostfixTargets, now = POSTFIX_DEFAULTS.submit): string {
  const pattern = submitPattern(targets);
  if (pattern === undefined) return '';
  const kept = withoutOurs(now, [pattern]);
  return `authorized_submit_users = ${pattern}, ${kept === '' ? POSTFIX_DEFAULTS.submit : kept}\n`;
}

function withoutOurs(value: string, ours: readonly string[]): string {
  let rest = ` ${value.replace(/\s+/g, ' ')} `;
  for (const entry of ours) rest = rest.replace(` ${entry},`, ' ').replace(` ${entry} `, ' ');
  return rest.replace(/^[\s,]+|[\s,]+$/g, '');
}

const EXIM_RECIPES = new URL('../../docs/mta/exim/', import.meta.url);

/** The statements for `acl_smtp_data` and `acl_not_smtp`: docs/mta/exim/acl-blocked.conf with the files in place. */
export function eximStatements(targets: EximTargets): string {
  return readFileSync(new URL('acl-blocked.conf', EXIM_RECIPES), 'utf8')
    .replaceAll('POSTERN_BLOCKED_USERS', targets.blockedUsers)
    .replaceAll('POSTERN_BLOCKED_SENDERS', targets.blockedSenders)
    .replace(/^(?:#.*\n)+\n/, '');
}
