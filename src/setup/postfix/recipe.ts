/**
 * The lines of main.cf that connect Postfix to the maps that Postern writes: what `postern init` prints, `postern
 * check` looks for and docs/mta shows (a test compares). Pure; does not know what is in effect.
 */
import type { PostfixTargets } from '../../config/load.ts';

/** A restriction of main.cf, `check_sasl_access lmdb:/etc/postfix/postern/sasl_access`. */
export interface Restriction {
  readonly target: 'user' | 'client' | 'sender';
  readonly check: 'check_sasl_access' | 'check_client_access' | 'check_sender_access';
  readonly map: string;
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
      : [{ target, check: CHECKS[target], map: `${map.type}:${map.file}` }];
  });
}

/** The first item that `authorized_submit_users` needs; undefined when the map is switched off. */
export function submitPattern(targets: PostfixTargets): string | undefined {
  if (targets.uid === undefined) return undefined;
  const { type, file } = targets.uid;
  return type === 'list' ? `!${file}` : `!${type}:${file}`;
}

/** What main.cf has now, so that nothing of it gets lost. */
interface PostfixValues {
  /** smtpd_data_restrictions */
  readonly data: string;
  /** authorized_submit_users */
  readonly submit: string;
}

const POSTFIX_DEFAULTS: PostfixValues = { data: '', submit: 'static:anyone' };

/** The lines for main.cf; they replace settings of the same name and keep what those had. */
export function postfixLines(targets: PostfixTargets, now = POSTFIX_DEFAULTS): string {
  return dataLines(targets, now.data) + submitLine(targets, now.submit);
}

/**
 * `smtpd_data_restrictions` with our entries; empty when no map is in use. What the list has now comes first, up to
 * the entry that ends it for some clients. An authenticated user is judged by the account, not by the address.
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

/** Entries after which nothing more is looked up for the submitters that matter here. */
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

/** `authorized_submit_users` with our list first; empty when the map is switched off. */
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
