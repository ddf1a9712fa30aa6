/** Whether Exim looks into the file of blocked networks: one that no ACL uses must not be taken for a block. */
import type { Config } from '../../config/load.ts';
import { ask, describeFailure, settingsIn } from '../programs.ts';
import { aclsIn, findUse, mentions, reachable } from './acls.ts';
import { eximConfiguration } from './find.ts';

/** The settings of those ACLs that can look up a client: after them, the message is accepted. */
const CLIENT_ACLS = ['acl_smtp_data', 'acl_smtp_rcpt', 'acl_smtp_predata', 'acl_smtp_mail'];

/** Why a network of clients cannot be blocked, as the end of a sentence; undefined if it can. */
export async function findNoNetworks(
  { targets: { exim: files } }: Config,
  exim: readonly string[],
): Promise<string | undefined> {
  const file = files.blockedNetworks;
  const answer = await ask([...exim, '-bP', 'spool_directory', ...CLIENT_ACLS]);
  const failure = describeFailure(exim, answer);
  if (failure !== undefined) return failure;
  const text = await eximConfiguration(exim);
  if (text === '') return `${exim[0]} does not print its configuration to this account`;
  const settings = settingsIn(answer.stdout);
  const acls = aclsIn(text, settings.get('spool_directory') ?? '');
  const isUsed = CLIENT_ACLS.some((setting) => {
    const statements = reachable(acls, settings.get(setting) ?? '');
    return findUse(statements, (statement) => mentions(statement, file)) === 'stops';
  });
  if (isUsed) return undefined;
  return `no ACL of Exim looks into ${file} (postern check prints the statement that does)`;
}
