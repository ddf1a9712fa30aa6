/** Who may send to foreign domains: open-relay, wide-mynetworks, permit-before-relay-check, percent-hack. */
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import type { Severity } from '../../ids.ts';
import { judgeNetwork } from '../../networks.ts';
import type { EximFacts } from '../facts.ts';
import { itemsOf, type Statement } from '../model.ts';
import { combine, decisive, holds, refuses, type Truth } from '../stranger.ts';

type EximCheck = Check<EximFacts>;

const RELAY_CHECK =
  '  require message = relay not permitted\n          domains = +local_domains : +relay_to_domains';

/** `accept` statements that a stranger's mail to a foreign domain can reach, with whether it gets through. */
function acceptedStrangers(facts: EximFacts): { statement: Statement; truth: Truth }[] {
  const found: { statement: Statement; truth: Truth }[] = [];
  const { lists } = facts.model;
  for (const statement of facts.acl('acl_smtp_rcpt')) {
    if (refuses(statement, 'foreign', lists)) break;
    if (statement.verb !== 'accept') continue;
    const truth = combine(decisive(statement).map((each) => holds(each, 'foreign', lists)));
    if (truth === 'yes' || truth === 'forged') found.push({ statement, truth });
    if (truth === 'yes') break;
  }
  return found;
}

export const openRelay: EximCheck = {
  id: 'open-relay',
  find: (facts) =>
    acceptedStrangers(facts)
      .filter(({ truth }) => truth === 'yes')
      .map(({ statement }) => ({
        evidence: statement.evidence,
        fix: `put the check for foreign domains before this statement:\n${RELAY_CHECK}`,
      })),
};

export const permitBeforeRelayCheck: EximCheck = {
  id: 'permit-before-relay-check',
  find: (facts) =>
    acceptedStrangers(facts)
      .filter(({ truth }) => truth === 'forged')
      .map(({ statement }) => ({
        evidence: statement.evidence,
        severity: 'error',
        why: 'This statement accepts mail to any domain before the check for foreign domains, from everybody who names the right address. Senders and local parts can be forged by anybody.',
        fix: `move this statement behind the check for foreign domains, or add to it: domains = +local_domains : +relay_to_domains\n${RELAY_CHECK}`,
      })),
};

export const wideNetworks: EximCheck = {
  id: 'wide-mynetworks',
  find(facts) {
    const { lists } = facts.model;
    const places = new Map<string, Hit>();
    for (const statement of facts.acl('acl_smtp_rcpt')) {
      if (refuses(statement, 'foreign', lists)) break;
      if (statement.verb !== 'accept') continue;
      const rest = decisive(statement, ['hosts']).map((each) => holds(each, 'foreign', lists));
      if (!/^(?:yes|forged)$/.test(combine(rest))) continue;
      for (const { name, value, negated, evidence } of statement.conditions) {
        if (name !== 'hosts' || negated) continue;
        const wide = itemsOf(value, lists).flatMap((item): [string, Severity][] => {
          const severity = item === '*' ? 'error' : judgeNetwork(item);
          return severity === undefined ? [] : [[item, severity]];
        });
        if (wide.length === 0) continue;
        const list = lists.get(/^\+(\w+)$/.exec(value.trim())?.[1] ?? '')?.evidence ?? evidence;
        const levels = wide.map(([, severity]) => severity);
        places.set(JSON.stringify(list), {
          evidence: list,
          severity:
            (['error', 'warning'] as const).find((each) => levels.includes(each)) ?? 'advice',
          fix: `remove ${wide.map(([item]) => item).join(', ')} from the list; name single hosts that need it, or let them log in${piece(list.file)}`,
        });
      }
    }
    return [...places.values()];
  },
};

/** On Debian the list comes from a macro that update-exim4.conf writes. */
function piece(file: string): string {
  return file.includes('exim4')
    ? ' (Debian: dc_relay_nets in update-exim4.conf.conf, then update-exim4.conf)'
    : '';
}

export const percentHack: EximCheck = {
  id: 'percent-hack',
  find: (facts) =>
    facts.option('percent_hack_domains').trim() === ''
      ? []
      : [
          {
            evidence: facts.where('percent_hack_domains'),
            fix: 'remove the option percent_hack_domains',
          },
        ],
};
