/**
 * Whether Exim's ACLs ask the policy service where the configuration has one. Looks at the text of the ACLs, asks
 * nobody: neither Exim nor the service.
 */
import type { Config } from '../../config.ts';
import { type Acls, acceptsAll, mentions, reachable, stops } from './exim-acls.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from './finding.ts';
import { eximPolicyStatements, readsocketAddress } from './policy-recipe.ts';

/** ACLs that may ask it, the recommended one first. */
const ASKING = ['acl_smtp_rcpt', 'acl_smtp_data', 'acl_smtp_predata', 'acl_smtp_mail'];

/** `settings` name the ACLs. Nothing is found where there is no such service. */
export function checkEximPolicy(
  { policy, mode }: Config,
  acls: Acls,
  settings: ReadonlyMap<string, string>,
): Finding[] {
  if (policy === undefined) return [];
  const address = readsocketAddress(policy.listen);
  const looks = ASKING.flatMap((setting) => {
    const acl = settings.get(setting) ?? '';
    if (acl === '') return [];
    return [{ acl, name: `${acl} (${setting})`, use: useOf(address, reachable(acls, acl)) }];
  });
  const found = looks.find(({ use }) => use === 'in effect');
  if (found !== undefined) return [ok('mta', `${found.name} asks the policy service ${address}`)];
  const level = mode === 'observe' ? warning : wrong;
  const first = mode === 'observe' ? `${ENFORCE_FIRST}; then ` : '';
  const fix = `${first}put first into ${looks[0]?.acl ?? 'the ACL of acl_smtp_rcpt'}, then restart Exim (Debian: update-exim4.conf before):\n${eximPolicyStatements(policy.listen)}`;
  const weak = looks.find(({ use }) => use !== undefined);
  const why =
    weak === undefined
      ? `no ACL (${ASKING.join(', ')}) asks the policy service ${address}`
      : `${weak.name} asks the policy service ${address}, but ${weak.use}`;
  return [level('mta', why, fix)];
}

/** Undefined: not asked; else `in effect`, or why it is not, as the end of a sentence. */
function useOf(address: string, statements: readonly string[]): string | undefined {
  const index = statements.findIndex(
    (text) => /\breadsocket\b/.test(text) && mentions(text, address),
  );
  if (index < 0) return undefined;
  const asking = statements[index] as string;
  const variable = /\bset\s+(acl_[cm]\w+)\s*=/.exec(asking)?.[1];
  const heeds = (text: string) => variable !== undefined && mentions(text, `$${variable}`);
  const isHeeded =
    stops(asking) || statements.slice(index + 1).some((text) => heeds(text) && stops(text));
  if (!isHeeded) return 'nothing follows from the answer';
  if (statements.slice(0, index).some(acceptsAll))
    return 'only behind a statement that accepts the mail before';
  return 'in effect';
}
