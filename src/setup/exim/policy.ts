/**
 * Whether Exim's ACLs ask the policy service, if the configuration has one, and do not, if it has none. Reads the
 * text of the ACLs; asks neither Exim nor the service.
 */

import { parseListenAddress } from '../../base/listen-address.ts';
import type { Config, PolicyConfig } from '../../config/load.ts';
import { loadDeferring } from '../deferring.ts';
import { ENFORCE_FIRST, type Finding, ok, warning, wrong } from '../finding.ts';
import {
  isPosterns,
  mailGets,
  mailPasses,
  type Outcome,
  unansweredFinding,
} from '../unanswered.ts';
import { type Acls, bracedAfter, type EximAnswers, findUse, mentions, reachable } from './acls.ts';
import { debianFix, debianPolicyFix, findLayoutOf, hasRecipe } from './debian.ts';
import { eximPolicyStatements, putFirst, RESTART, readsocketAddress } from './recipe.ts';

/** Settings that name an ACL which can ask the service, the recommended one first. */
const ASKING = ['acl_smtp_rcpt', 'acl_smtp_data', 'acl_smtp_predata', 'acl_smtp_mail'];

/** The RCPT ACL of Debian's configuration, without and with the recipe. */
const DEBIAN_ACLS = ['acl_check_rcpt', 'acl_postern_rcpt'];

/** What is wrong with an ACL that asks it, as the end of a sentence. */
const WEAK = {
  mild: 'does nothing with the answer',
  late: 'only after a statement that accepts the mail',
} as const;

/** If the configuration has no policy service, reports only questions to it. */
export function checkEximPolicy(
  config: Config,
  { printed, acls, settings }: EximAnswers,
): Finding[] {
  const { policy, mode } = config;
  if (policy === undefined) return checkUnanswered(config, acls, settings);
  const address = readsocketAddress(policy.listen);
  const looks = ASKING.flatMap((setting) => {
    const acl = settings.get(setting) ?? '';
    if (acl === '') return [];
    return [{ acl, name: `${acl} (${setting})`, use: findQuestion(address, reachable(acls, acl)) }];
  });
  const found = looks.find(({ use }) => use === 'stops');
  if (found !== undefined) {
    const asks = ok('mta', `${found.name} asks the policy service ${address}`);
    return [asks, ...checkDeferring(config, acls, settings)];
  }
  const level = mode === 'observe' ? warning : wrong;
  const first = mode === 'observe' ? `${ENFORCE_FIRST}; then ` : '';
  const acl = looks[0]?.acl ?? 'the ACL of acl_smtp_rcpt';
  const fix = first + describeFix(acl, config, policy, printed);
  for (const { name, use } of looks) {
    if (use === 'mild' || use === 'late')
      return [level('mta', `${name} asks the policy service ${address}, but ${WEAK[use]}`, fix)];
  }
  const text = `no ACL (${ASKING.join(', ')}) asks the policy service ${address}`;
  return [level('mta', text, fix)];
}

function describeFix(acl: string, config: Config, policy: PolicyConfig, printed: string): string {
  const layout = findLayoutOf(printed);
  if (layout === 'plain' || !DEBIAN_ACLS.includes(acl))
    return putFirst(acl, eximPolicyStatements(policy.listen));
  return hasRecipe(printed) ? debianPolicyFix(layout, policy) : debianFix(layout, config);
}

function findQuestion(address: string, statements: readonly string[]) {
  return findUse(
    statements,
    (statement) => /\breadsocket\b/.test(statement) && mentions(statement, address),
    (statement, asking) => statement === asking || usesAnswer(statement, asking),
  );
}

/** Whether a statement looks at the variable in which `asking` stores the answer. */
function usesAnswer(statement: string, asking: string): boolean {
  const variable = /\bset\s+(acl_[cm]\w+)\s*=/.exec(asking)?.[1];
  return variable !== undefined && mentions(statement, `$${variable}`) && !isDeferral(statement);
}

/** Whether a statement only passes a 450 on: a block has another answer. */
function isDeferral(statement: string): boolean {
  return /\^action=4/.test(statement) && !/HOLD|REJECT/.test(statement);
}

/** Rules that defer need a statement at RCPT that passes the answer on: older recipes have none. */
function checkDeferring(
  config: Config,
  acls: Acls,
  settings: ReadonlyMap<string, string>,
): Finding[] {
  const acl = settings.get('acl_smtp_rcpt') ?? '';
  if (reachable(acls, acl).some(isDeferral)) return [];
  const rules = loadDeferring(config);
  if (rules.length === 0) return [];
  const text = `${acl || 'no ACL'} (acl_smtp_rcpt) passes no 450 of the policy service on, so ${rules.join(', ')} puts nobody off`;
  return [warning('mta', text, 'copy docs/mta/exim/acl-policy.conf again, and include it at RCPT')];
}

/** One finding for each statement that asks Postern although the configuration has no policy service. */
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
          outcome: judgeOutcome(statement, failure),
          listen: parseListenAddress(address.startsWith('/') ? `unix:${address}` : address),
          removal: `remove from ${acl} the statement with readsocket and those that use its answer, then ${RESTART}`,
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
 * When Exim cannot connect, it takes the string for that case as the answer. Without one the expansion fails: Exim
 * skips a `warn` (acl.c) and defers with any other statement.
 */
function judgeOutcome(statement: string, failure: string | undefined): Outcome {
  if (failure === undefined)
    return /^warn\b/.test(statement) ? mailPasses('a warning in the log') : mailGets('451');
  const text = `Exim takes "${failure}" for the answer`;
  if (/HOLD|REJECT/.test(failure)) return { passes: false, text };
  return { passes: true, text: /DUNNO/.test(failure) ? `${text} and mail passes` : text };
}
