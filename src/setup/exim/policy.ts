/**
 * Whether Exim's ACLs ask the policy service where the configuration has one, and do not where it has none. Looks at
 * the text of the ACLs, asks nobody: neither Exim nor the service.
 */
import type { Config } from '../../config/load.ts';
import { parseListenAddress } from '../../policy/address.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from '../finding.ts';
import { eximPolicyStatements, readsocketAddress } from '../policy-recipe.ts';
import { isPosterns, unansweredFinding } from '../unanswered.ts';
import { type Acls, acceptsAll, bracedAfter, mentions, reachable, stops } from './acls.ts';

/** ACLs that may ask it, the recommended one first. */
const ASKING = ['acl_smtp_rcpt', 'acl_smtp_data', 'acl_smtp_predata', 'acl_smtp_mail'];

/** `settings` name the ACLs. Without such a service only questions to it are found. */
export function checkEximPolicy(
  config: Config,
  acls: Acls,
  settings: ReadonlyMap<string, string>,
): Finding[] {
  const { policy, mode } = config;
  if (policy === undefined) return checkUnanswered(config, acls, settings);
  const address = readsocketAddress(policy.listen);
  const looks = ASKING.flatMap((setting) => {
    const acl = settings.get(setting) ?? '';
    if (acl === '') return [];
    return [{ acl, name: `${acl} (${setting})`, use: findUse(address, reachable(acls, acl)) }];
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
function findUse(address: string, statements: readonly string[]): string | undefined {
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

/** One finding for each statement that asks Postern, though the configuration has nobody who answers. */
function checkUnanswered(
  config: Config,
  acls: Acls,
  settings: ReadonlyMap<string, string>,
): Finding[] {
  const seen = new Set<string>();
  return [...ASKING, 'acl_not_smtp'].flatMap((setting) => {
    const acl = settings.get(setting) ?? '';
    const statements = reachable(acls, acl).filter((statement) => !seen.has(statement));
    for (const statement of statements) seen.add(statement);
    return statements.flatMap((statement) => {
      const [address, , , , failure] = questionIn(statement);
      if (address === undefined) return [];
      return unansweredFinding(
        {
          question: `${acl} (${setting}) asks the policy service ${address}`,
          ...judgeOutcome(statement, failure),
          listen: parseListenAddress(address.startsWith('/') ? `unix:${address}` : address),
          removal: `take the statement with readsocket out of ${acl}, and what follows from it, then restart Exim (Debian: update-exim4.conf before)`,
        },
        config,
      );
    });
  });
}

/** The arguments of the first `readsocket` that names Postern: address, request, options, end of line, failure. */
function questionIn(statement: string): readonly string[] {
  for (const { index, 0: word } of statement.matchAll(/\breadsocket\b/g)) {
    const [address = '', ...rest] = bracedAfter(statement, index + word.length);
    if (isPosterns(address.trim())) return [address.trim(), ...rest];
  }
  return [];
}

/**
 * What Exim does with mail when it cannot connect. Without a string for that case the expansion fails: Exim leaves out
 * a `warn` (acl.c), and any other statement defers.
 */
function judgeOutcome(
  statement: string,
  failure: string | undefined,
): { readonly passes: boolean; readonly outcome: string } {
  if (failure === undefined && /^warn\b/.test(statement))
    return { passes: true, outcome: 'mail passes, but each question costs a warning in the log' };
  if (failure === undefined)
    return { passes: false, outcome: 'and mail that comes so far gets 451' };
  const taken = `Exim takes "${failure}" for the answer`;
  if (/HOLD|REJECT/.test(failure)) return { passes: false, outcome: `and ${taken}` };
  return { passes: true, outcome: /DUNNO/.test(failure) ? `${taken} and mail passes` : taken };
}
