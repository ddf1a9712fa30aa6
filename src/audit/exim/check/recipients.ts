/** Whether recipients are known before mail is accepted: no-recipient-check, catch-all, luser-relay, backup-mx-blind, bounce-after-queue. */
import { readFileSync } from 'node:fs';
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import { readAliasFile } from '../aliases.ts';
import type { EximFacts } from '../facts.ts';
import { type Condition, type Driver, itemsOf, type Statement } from '../model.ts';
import { combine, decisive, holds, refuses } from '../stranger.ts';

type EximCheck = Check<EximFacts>;

/** Whether a statement refuses what the routers do not know. */
function verifiesRecipient(statement: Statement, facts: EximFacts): boolean {
  const isVerify = ({ name, value }: Condition) => name === 'verify' && /^recipient\b/.test(value);
  const verify = statement.conditions.find(isVerify);
  if (verify === undefined) return false;
  const others = decisive(statement)
    .filter((each) => !isVerify(each))
    .map((each) => holds(each, 'own', facts.model.lists));
  if (statement.verb === 'require') return !verify.negated && !others.includes('no');
  return (
    /^(?:deny|drop|defer)$/.test(statement.verb) && verify.negated && combine(others) === 'yes'
  );
}

/** The statement that accepts a stranger's mail to any address of our domains, if none has verified it before. */
function findBlindAccept(facts: EximFacts): Statement | undefined {
  for (const statement of facts.acl('acl_smtp_rcpt')) {
    if (verifiesRecipient(statement, facts) || refuses(statement, 'own', facts.model.lists))
      return undefined;
    if (statement.verb !== 'accept') continue;
    const conditions = decisive(statement);
    const truth = combine(conditions.map((each) => holds(each, 'own', facts.model.lists)));
    if (truth !== 'yes') continue;
    const verifies = conditions.some(
      ({ name, value, negated }) => name === 'verify' && !negated && /^recipient\b/.test(value),
    );
    return verifies ? undefined : statement;
  }
  return undefined;
}

export const noRecipientCheck: EximCheck = {
  id: 'no-recipient-check',
  find(facts) {
    const statement = findBlindAccept(facts);
    const blind: Hit[] =
      statement === undefined
        ? []
        : [
            {
              evidence: statement.evidence,
              fix: 'add before this statement:\n  require verify = recipient',
            },
          ];
    return [...blind, ...findRelayDomains(facts)];
  },
};

/** Domains that are handed on: without a callout every address of them is "routable". */
function findRelayDomains(facts: EximFacts): Hit[] {
  const list = facts.model.lists.get('relay_to_domains');
  if (list === undefined || itemsOf(list.value, facts.model.lists).length === 0) return [];
  const asks = facts
    .acl('acl_smtp_rcpt')
    .some(({ conditions }) =>
      conditions.some(
        ({ name, value }, index) =>
          name === 'verify' &&
          /^recipient\/.*callout/.test(value) &&
          !conditions
            .slice(0, index)
            .some((each) => /^(?:recipients|senders|condition)$/.test(each.name)),
      ),
    );
  if (asks) return [];
  return [
    {
      evidence: list.evidence,
      why: 'Every address of relay_to_domains is accepted, because without a callout a recipient counts as valid when its domain has a route. What the next server refuses must be bounced, and the bounces go to forged senders.',
      fix: 'ask the next server, before the accept for relay_to_domains:\n  deny !verify = recipient/callout=30s,defer_ok\n       domains = +relay_to_domains',
    },
  ];
}

export const backupMxBlind: EximCheck = {
  id: 'backup-mx-blind',
  find(facts) {
    const [hit] = findRelayDomains(facts);
    const hasRoute = facts.model.routers.some(
      ({ options }) =>
        options.get('driver')?.value === 'manualroute' &&
        /relay_to_domains|route_(?:list|data)/.test(
          [...options.keys(), ...[...options.values()].map(({ value }) => value)].join(' '),
        ),
    );
    return hit === undefined || hasRoute
      ? []
      : [
          {
            evidence: hit.evidence,
            fix: `${hit.fix}\nor remove the domain here and in its MX records: senders try again by themselves`,
          },
        ];
  },
};

/** Redirect routers that see mail of strangers. */
export function redirectRouters(facts: EximFacts): Driver[] {
  return facts.model.routers.filter(({ options }) => options.get('driver')?.value === 'redirect');
}

/** The files in which a redirect router looks addresses up: `lsearch{/etc/aliases}`. */
export function lookupsOf({
  options,
}: Driver): { type: string; file: string; evidence: Hit['evidence'] }[] {
  return ['data', 'file'].flatMap((name) => {
    const option = options.get(name);
    if (option === undefined) return [];
    const found = option.value.matchAll(
      /\b(n?wildlsearch|i?plsearch|lsearch)(\*@?)?\s*(?:,ret=\w+)?\s*[{;]\s*(\/[^\s{}$]+)\s*\}/g,
    );
    return [...found].map(([, type = '', star = '', file = '']) => ({
      type: type + star,
      file,
      evidence: option.evidence,
    }));
  });
}

export const catchAll: EximCheck = {
  id: 'catch-all',
  find: (facts) =>
    redirectRouters(facts).flatMap((router) =>
      lookupsOf(router)
        .filter(({ type }) => /[*]|wild/.test(type))
        .flatMap(({ file, type }) =>
          readAliasFile(file, facts)
            .filter(
              ({ key }) =>
                key === '*' ||
                /^\*@/.test(key) ||
                (/wild/.test(type) && /^(?:\^\.\*|\*)/.test(key)),
            )
            .map(({ key, evidence }) => ({
              evidence,
              fix: `replace ${key} by one line for each address that exists (router ${router.name}, ${type})`,
            })),
        ),
    ),
};

export const luserRelay: EximCheck = {
  id: 'luser-relay',
  find: (facts) =>
    redirectRouters(facts).flatMap(({ name, options, evidence }): Hit[] => {
      const data = options.get('data');
      const isOpen = ![
        'local_parts',
        'condition',
        'senders',
        'require_files',
        'check_local_user',
        'local_part_suffix',
        'local_part_prefix',
        'verify_only',
      ].some((each) => options.has(each));
      const isConstant = data !== undefined && /^[^\s$|/:"]+(?:@[\w.-]+)?$/.test(data.value);
      const isVerified = options.get('verify')?.value !== 'false' && !options.has('no_verify');
      return isOpen && isConstant && isVerified
        ? [
            {
              evidence: data.evidence,
              fix: `remove the router ${name} (${evidence.file}:${evidence.line}), so that unknown names are refused`,
            },
          ]
        : [];
    }),
};

export const bounceAfterQueue: EximCheck = {
  id: 'bounce-after-queue',
  find(facts) {
    const late = redirectRouters(facts).filter(
      ({ options }) =>
        options.has('no_verify') ||
        options.get('verify')?.value === 'false' ||
        options.has('no_verify_recipient') ||
        options.get('verify_recipient')?.value === 'false',
    );
    const isLate = (router: Driver) =>
      late.includes(router) || findBlindAccept(facts) !== undefined;
    const fails = redirectRouters(facts)
      .filter(isLate)
      .flatMap((router) => [
        ...lookupsOf(router).flatMap(({ file }) => readAliasFile(file, facts)),
        ...[router.options.get('data')].flatMap((data) =>
          data === undefined
            ? []
            : [{ key: router.name, value: data.value, evidence: data.evidence }],
        ),
      ])
      .filter(({ value }) => /:fail:/.test(value));
    return [
      ...fails.map(({ evidence }) => ({
        evidence,
        why: 'This :fail: is found only when the message is routed, after it was accepted, so it becomes a bounce to a sender that is usually forged. It refuses at RCPT when the ACL verifies recipients and the router takes part in that.',
        fix: 'add to acl_smtp_rcpt: require verify = recipient; and remove no_verify from the router',
      })),
      ...findFilterFail(facts),
    ];
  },
};

/** A system filter runs after acceptance; `fail` in it sends a bounce. */
function findFilterFail(facts: EximFacts): Hit[] {
  const file = facts.option('system_filter').trim();
  if (file === '' || file.includes('$')) return [];
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return lines.flatMap((text, index) =>
      /^\s*(?:then\s+)?fail\b/.test(text)
        ? [
            {
              evidence: { file, line: index + 1, text: text.trim() },
              fix: 'refuse in acl_smtp_data instead, or write "seen finish" after a delivery to quarantine',
            },
          ]
        : [],
    );
  } catch (error) {
    facts.note(
      `${file} (system_filter) cannot be read (${(error as NodeJS.ErrnoException).code}), so it was not audited`,
    );
    return [];
  }
}
