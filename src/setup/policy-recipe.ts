/**
 * The lines that make an MTA ask the policy service: what `postern init` prints, `postern check` looks for and
 * docs/mta shows (a test compares). Pure, but for the recipe of Exim, which is a file of the package.
 */
import { readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { formatListenAddress, type ListenAddress } from '../policy/address.ts';

/** Where Postfix keeps its queue unless it is told otherwise. */
export const QUEUE_DIRECTORY = '/var/spool/postfix';

/** How smtpd names the service: from its queue directory where that can be, so that a chrooted one finds it, too. */
export function policyAddress(listen: ListenAddress, queue: string): string {
  if (listen.kind === 'inet') return formatListenAddress(listen);
  return `unix:${isBelow(listen.path, queue) ? relative(queue, listen.path) : listen.path}`;
}

/** Whether a chrooted smtpd can see the path. */
export function isBelow(path: string, queue: string): boolean {
  return path.startsWith(`${resolve(queue)}/`);
}

/** The restriction for main.cf; its attributes are explained in docs/mta/postfix-policy.md. */
function policyRestriction(listen: ListenAddress, queue: string): string {
  return `check_policy_service { ${policyAddress(listen, queue)}, default_action=DUNNO, timeout=2s, try_limit=1, request_limit=1 }`;
}

/** `smtpd_end_of_data_restrictions` with the question in front of what it holds now. */
export function policyLines(listen: ListenAddress, queue: string, now = ''): string {
  return `smtpd_end_of_data_restrictions =\n    ${policyEntries(listen, queue, now).join(',\n    ')}\n`;
}

/** The entries of that list. */
export function policyEntries(listen: ListenAddress, queue: string, now: string): string[] {
  const isOurs = (address: string) => isSameAddress(address, listen, queue);
  const kept = now
    .replaceAll(/\s+/g, ' ')
    .replaceAll(
      /check_policy_service ?(?:\{ ?([^\s,}]+)[^}]*\}|([^\s,{}]+)),?/g,
      (all, inner, bare) => (isOurs(inner ?? bare) ? '' : all),
    )
    .replace(/^[\s,]+|[\s,]+$/g, '');
  return [policyRestriction(listen, queue), ...(kept === '' ? [] : [kept])];
}

/** Whether smtpd, asking `address`, asks the service; `chroot`: it sees nothing but the queue directory. */
export function isSameAddress(
  address: string,
  listen: ListenAddress,
  queue: string,
  chroot = false,
): boolean {
  if (listen.kind === 'inet') return plainHost(address) === plainHost(formatListenAddress(listen));
  if (!address.startsWith('unix:')) return false;
  const path = address.slice('unix:'.length);
  return (chroot ? join(queue, path) : resolve(queue, path)) === resolve(listen.path);
}

function plainHost(address: string): string {
  return address.replace('inet:localhost:', 'inet:127.0.0.1:').replace(/\[(127[\d.]+)\]/, '$1');
}

const EXIM_RECIPE = new URL('../../docs/mta/exim/acl-policy.conf', import.meta.url);

/** How `readsocket` names the service. */
export function readsocketAddress(listen: ListenAddress): string {
  return listen.kind === 'unix' ? listen.path : formatListenAddress(listen);
}

/** The statements for `acl_smtp_rcpt`: docs/mta/exim/acl-policy.conf with the address in place. */
export function eximPolicyStatements(listen: ListenAddress): string {
  return readFileSync(EXIM_RECIPE, 'utf8')
    .replaceAll('POSTERN_POLICY', readsocketAddress(listen))
    .replace(/^(?:#.*\n)+\n/, '');
}
