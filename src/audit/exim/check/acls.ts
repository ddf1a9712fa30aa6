/** How the ACLs are written: order, dead-blocklist, duplicate, warn-left, null-sender-refused. */

import { listItems } from '../../../setup/exim/list.ts';
import type { Check } from '../../check.ts';
import { COST } from '../../cost.ts';
import { findDeadZone } from '../../dead-lists.ts';
import type { Hit } from '../../finding.ts';
import type { EximFacts } from '../facts.ts';
import { rehearsedName } from '../harden.ts';
import { type Condition, isModifier, type Statement, statementText } from '../model.ts';
import { combine, decisive, holds } from '../stranger.ts';

type EximCheck = Check<EximFacts>;

const ACLS = [
  'acl_smtp_connect',
  'acl_smtp_helo',
  'acl_smtp_mail',
  'acl_smtp_rcpt',
  'acl_smtp_data',
];

function costOf({ name, value }: Condition): number {
  if (name === 'dnslists') return COST.blocklist;
  if (name === 'verify')
    return /callout/.test(value) ? COST.callout : /^recipient/.test(value) ? COST.table : COST.dns;
  if (name === 'spf') return COST.dns;
  if (name === 'condition' && /\$\{readsocket|\$\{run/.test(value)) return COST.callout;
  return name === 'condition' || name === 'acl' ? COST.table : COST.local;
}

/** What keeps most mail from the conditions behind it: they are tested in order, and the first that fails ends it. */
const RESTRICTS = ['senders', 'recipients', 'hosts', 'local_parts', 'condition'];

function statementCost({ conditions }: Statement): number {
  const tested = conditions.filter((each) => !isModifier(each));
  const end = tested.findIndex(({ name }) => RESTRICTS.includes(name));
  const always = end < 0 ? tested : tested.slice(0, end + 1);
  return Math.max(COST.local, ...always.map(costOf));
}

export const order: EximCheck = {
  id: 'order',
  find(facts) {
    const found: Hit[] = [];
    let dear: Statement[] = [];
    let early: { statements: Statement[]; before: Statement } | undefined;
    const flush = () => {
      const { file, line } = early?.before.evidence ?? {};
      const fix = `move this statement behind ${file}:${line}`;
      found.push(...(early?.statements ?? []).map(({ evidence }) => ({ evidence, fix })));
      dear = [];
      early = undefined;
    };
    for (const statement of facts.acl('acl_smtp_rcpt')) {
      if (!/^(?:deny|drop|defer|require)$/.test(statement.verb)) {
        // A statement that accepts may mean to keep some from what follows.
        if (statement.verb === 'accept' || statement.verb === 'discard') flush();
      } else if (statementCost(statement) >= COST.blocklist) dear.push(statement);
      else if (dear.length > 0 && statementCost(statement) < COST.dns)
        early = { statements: [...dear], before: statement };
    }
    flush();
    return found;
  },
};

export const deadBlocklist: EximCheck = {
  id: 'dead-blocklist',
  find: (facts) =>
    [...facts.model.acls.values()].flat().flatMap(({ conditions }) =>
      conditions
        .filter(({ name }) => name === 'dnslists')
        .flatMap(({ value, evidence }): Hit[] => {
          const items = listItems(value);
          const dead = items.filter(
            (item) =>
              findDeadZone(
                item
                  .replace(/^!/, '')
                  .replace(/[=!&/,].*$/, '')
                  .trim(),
              ) !== undefined,
          );
          const kept = items.filter((item) => !dead.includes(item));
          if (dead.length === 0) return [];
          const fix =
            kept.length === 0 ? 'remove the whole statement' : `dnslists = ${kept.join(' : ')}`;
          return [{ evidence, fix }];
        }),
    ),
};

export const duplicate: EximCheck = {
  id: 'duplicate',
  find: (facts) =>
    [...facts.model.acls.values()].flatMap((statements) =>
      statements.flatMap((statement, index): Hit[] => {
        const text = statementText(statement);
        const first = statements.slice(0, index).find((each) => statementText(each) === text);
        const isIdle = statement.conditions.some(({ name }) => name.startsWith('set '));
        return first === undefined || isIdle
          ? []
          : [
              {
                evidence: statement.evidence,
                fix: `remove this statement: it is at ${first.evidence.file}:${first.evidence.line} already`,
              },
            ];
      }),
    ),
};

/** Modifiers with which a `warn` does something. */
const EFFECTS =
  /^(?:add_header|remove_header|control|delay|queue|set .*|logwrite|udpsend|continue|log_reject_target)$/;
/** What one would refuse for. */
const REFUSALS = ['dnslists', 'verify', 'spf', 'spam', 'malware', 'ratelimit'];

/** One of the statements of `postern audit --harden --rehearse`. */
const REHEARSAL = {
  why: 'This is a rehearsal: the check only logs what it would have refused. Mail that you believe is refused gets in until it is enforced.',
  fix: 'look at: postern audit --rehearsal. Then put what this prints in its place: postern audit --harden',
};

export const warnLeft: EximCheck = {
  id: 'warn-left',
  find: (facts) =>
    ACLS.flatMap((name) => facts.acl(name)).flatMap((statement): Hit[] => {
      const { verb, conditions, evidence } = statement;
      if (rehearsedName(statement) !== undefined) return [{ evidence, ...REHEARSAL }];
      const isIdle = !conditions.some(
        ({ name, value }) => EFFECTS.test(name) || /postern:/.test(value),
      );
      const wouldRefuse = conditions.some(
        ({ name, negated }) => REFUSALS.includes(name) && (name !== 'verify' || negated),
      );
      return verb === 'warn' && isIdle && wouldRefuse
        ? [{ evidence, fix: 'write deny for warn, or remove the statement' }]
        : [];
    }),
};

export const nullSenderRefused: EximCheck = {
  id: 'null-sender-refused',
  find: (facts) =>
    ['acl_smtp_mail', 'acl_smtp_rcpt', 'acl_smtp_data', 'acl_smtp_predata']
      .flatMap((name) => facts.acl(name))
      .flatMap((statement): Hit[] => {
        const senders = statement.conditions.find(
          ({ name, value, negated }) => name === 'senders' && !negated && isNull(value),
        );
        if (senders === undefined || !/^(?:deny|drop|defer|discard)$/.test(statement.verb))
          return [];
        const rest = decisive(statement, ['senders']).map((each) =>
          holds(each, 'own', facts.model.lists),
        );
        return combine(rest) === 'yes'
          ? [
              {
                evidence: senders.evidence,
                // biome-ignore lint/suspicious/noTemplateCurlyInString: Exim expands it
                fix: 'remove the null sender from this statement, or the statement; to refuse bounces for several recipients at once, add: condition = ${if >{$rcpt_count}{1}}',
              },
            ]
          : [];
      }),
};

/** The empty item, as a list and as a pattern; `*` is everybody, which is another matter. */
function isNull(value: string): boolean {
  const text = value.trim();
  return text === ':' || text === '' || /^:|:\s*:|(?:^|:)\s*\^\$\$?\s*(?:$|:)/.test(text);
}
