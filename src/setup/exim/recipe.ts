/**
 * The statements that connect Exim to Postern: what `postern init` prints, `postern check` looks for and docs/mta
 * shows. They are files of the package, with the paths of the configuration put in.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatListenAddress, type ListenAddress } from '../../base/listen-address.ts';
import { packagePath } from '../../base/package.ts';
import type { EximTargets } from '../../config/load.ts';

/** The folder of the recipe's files. */
export const RECIPES = packagePath('docs/mta/exim');

/** The statements for `acl_smtp_data` and `acl_not_smtp`: docs/mta/exim/acl-blocked.conf. */
export function eximStatements(targets: EximTargets): string {
  return readStatements('acl-blocked.conf')
    .replaceAll('POSTERN_BLOCKED_USERS', targets.blockedUsers)
    .replaceAll('POSTERN_BLOCKED_SENDERS', targets.blockedSenders)
    .replaceAll('POSTERN_BLOCKED_NETWORKS', targets.blockedNetworks);
}

/** The statements for `acl_smtp_rcpt`: docs/mta/exim/acl-policy.conf. */
export function eximPolicyStatements(listen: ListenAddress): string {
  return readStatements('acl-policy.conf').replaceAll('POSTERN_POLICY', readsocketAddress(listen));
}

/** How `readsocket` names the policy service. */
export function readsocketAddress(listen: ListenAddress): string {
  return listen.kind === 'unix' ? listen.path : formatListenAddress(listen);
}

/** Without the comment at the top of the file. */
function readStatements(name: string): string {
  return readFileSync(join(RECIPES, name), 'utf8').replace(/^(?:#.*\n)+\n/, '');
}

/** A fix: the statements at the beginning of an ACL. */
export function putFirst(acl: string, statements: string): string {
  return `put these statements at the beginning of ${acl}, then ${RESTART}:\n${statements}`;
}

/** How Exim reads a changed configuration. */
export const RESTART = 'restart Exim (Debian: run update-exim4.conf first)';
