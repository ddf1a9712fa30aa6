/**
 * The lines of main.cf that make Postfix ask the policy service: what `postern init` prints, `postern check` looks for
 * and docs/mta shows (a test compares). Pure.
 */
import { join, relative, resolve } from 'node:path';
import { formatListenAddress, type ListenAddress } from '../../base/listen-address.ts';
import { listLines } from './recipe.ts';
import { type Entry, parseEntries, parseService } from './restriction-list.ts';

/** Where Postfix has its queue by default. */
export const QUEUE_DIRECTORY = '/var/spool/postfix';

/** How smtpd names the service: relative to its queue directory if possible, which works with and without chroot. */
export function policyAddress(listen: ListenAddress, queue: string): string {
  if (listen.kind === 'inet') return formatListenAddress(listen);
  return `unix:${isBelow(listen.path, queue) ? relative(queue, listen.path) : listen.path}`;
}

/** Whether a chrooted smtpd can see the path. */
export function isBelow(path: string, queue: string): boolean {
  return path.startsWith(`${resolve(queue)}/`);
}

/** `smtpd_end_of_data_restrictions` with the service in front of what the list has now, as it is written. */
export function policyLines(listen: ListenAddress, queue: string, now = ''): string {
  const isOurs = ({ name, argument = '' }: Entry) =>
    name === 'check_policy_service' && isSameAddress(parseService(argument).address, listen, queue);
  const kept = parseEntries(now).filter((entry) => !isOurs(entry));
  return listLines('smtpd_end_of_data_restrictions', [
    policyRestriction(listen, queue),
    ...kept.map(({ text }) => text),
  ]);
}

/** docs/mta/postfix-policy.md explains the attributes. */
function policyRestriction(listen: ListenAddress, queue: string): string {
  return `check_policy_service { ${policyAddress(listen, queue)}, default_action=DUNNO, timeout=2s, try_limit=1, request_limit=1 }`;
}

/** Whether `address` in a list of smtpd is the service; `chroot`: that smtpd sees only the queue directory. */
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
