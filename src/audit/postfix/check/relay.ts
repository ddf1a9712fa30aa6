/** Who may send to foreign domains: open-relay, wide-mynetworks, permit-before-relay-check, percent-hack. */
import { parseNetwork } from '../../../model/address.ts';
import { expand } from '../../../setup/postfix/network-list.ts';
import { splitWords } from '../../../setup/postfix/restriction-list.ts';
import type { Check } from '../../check.ts';
import type { Hit } from '../../finding.ts';
import type { Severity } from '../../ids.ts';
import { judgeNetwork } from '../../networks.ts';
import { CLASSES, IMPROBABLE } from '../domains.ts';
import type { Listener, PostfixFacts } from '../facts.ts';
import { type Entry, entryText, isRelayCheck, RCPT_LISTS, readClass } from '../restrictions.ts';

type PostfixCheck = Check<PostfixFacts>;

export const openRelay: PostfixCheck = {
  id: 'open-relay',
  async find(facts) {
    const found: Hit[] = [];
    for (const listener of facts.listeners.filter(({ isPublic }) => isPublic)) {
      const holes = RCPT_LISTS.map((list) => findHole(listener, list));
      // One list that refuses strangers is enough: smtpd needs the consent of all.
      if (holes.includes(undefined)) continue;
      const list = 'smtpd_relay_restrictions';
      const open = holes.find((hole) => typeof hole === 'object');
      const at = open?.list ?? list;
      const { service } = listener;
      found.push({
        evidence: facts.where(at, service),
        ...(hasRelayCheck(listener) ? {} : { why: WITHOUT_CHECK }),
        fix: facts.set(
          list,
          'permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination',
          service,
        ),
      });
    }
    return [...found, ...(await findWildcardDomains(facts))];
  },
};

/** smtpd wants a relay check in one of these lists, not behind `permit` or warn_if_reject (smtpd_check.c). */
function hasRelayCheck({ entries }: Listener): boolean {
  return ['smtpd_relay_restrictions', 'smtpd_recipient_restrictions'].some((list) => {
    const own = entries.filter((entry) => entry.list === list);
    const end = own.findIndex(({ name, warns }) => name === 'permit' && !warns);
    const seen = end < 0 ? own : own.slice(0, end);
    return seen.some(isRelayCheck);
  });
}

const WITHOUT_CHECK =
  'No list of this service checks for foreign domains. Postfix notices that and takes no mail at all until one does; older versions relay.';

/** Where a list lets a stranger through: an entry, or its end; undefined when it refuses first. */
function findHole({ entries, service }: Listener, list: string): Entry | 'end' | undefined {
  for (const entry of entries.filter((each) => each.list === list)) {
    if (isRelayCheck(entry)) return undefined;
    if (entry.warns) continue;
    if (entry.name === 'permit' || entry.name === 'permit_tls_all_clientcerts') return entry;
    if (entry.name === 'permit_mynetworks' && allowsAll(service.setting('mynetworks')))
      return entry;
  }
  return 'end';
}

function allowsAll(mynetworks: string): boolean {
  const words = splitWords(mynetworks).flatMap(expand);
  return words.some((word) => /^static:/.test(word) || parseNetwork(word)?.[1] === 0);
}

/** A domain list that has every domain, or all below a top-level domain. */
async function findWildcardDomains(facts: PostfixFacts): Promise<Hit[]> {
  const found: Hit[] = [];
  for (const which of CLASSES) {
    const evidence = facts.where(which);
    const all = (await facts.domains.matching(which, [IMPROBABLE])).size > 0;
    const names = which === 'relay_domains' ? await facts.domains.list(which) : [];
    const parents = splitWords(facts.get('parent_domain_matches_subdomains'));
    const top = parents.includes('relay_domains')
      ? names.filter(
          (name) =>
            /^[a-z]{2,63}$/.test(name) && !/^(?:localhost|local|lan|home|internal)$/.test(name),
        )
      : [];
    if (all || top.length > 0)
      found.push({
        evidence,
        fix: `name in ${which} only the domains that this server is responsible for${top.length > 0 ? `; remove ${top.join(', ')}` : ''}`,
      });
  }
  return found;
}

export const wideNetworks: PostfixCheck = {
  id: 'wide-mynetworks',
  find(facts) {
    const main = splitWords(facts.get('mynetworks')).flatMap(expand);
    const services = facts.listeners.filter(
      ({ service, isPublic }) => isPublic && service.overrides('mynetworks'),
    );
    const places = [
      { words: main, service: undefined },
      ...services.map(({ service }) => ({
        words: splitWords(service.setting('mynetworks')).flatMap(expand),
        service,
      })),
    ];
    return places.flatMap(({ words, service }) => {
      const judged = words.flatMap((word) => {
        const severity = judgeNetwork(word);
        return severity === undefined ? [] : [{ word, severity }];
      });
      if (judged.length === 0) return [];
      const kept = words.filter((word) => !judged.some((each) => each.word === word));
      const { text, ...place } = facts.where('mynetworks', service);
      const names = judged.map(({ word }) => word).join(', ');
      return [
        {
          evidence: { ...place, text: text.includes(names) ? text : `${text} (${names})` },
          severity: worst(judged.map(({ severity }) => severity)),
          fix: `${facts.set('mynetworks', kept.join(' ') || '127.0.0.0/8 [::1]/128', service)}\nAdd single hosts that need it, or let them log in.`,
        },
      ];
    });
  },
};

function worst(severities: readonly Severity[]): Severity {
  return (['error', 'warning'] as const).find((each) => severities.includes(each)) ?? 'advice';
}

export const permitBeforeRelayCheck: PostfixCheck = {
  id: 'permit-before-relay-check',
  async find(facts) {
    const found = new Map<string, Hit>();
    for (const listener of facts.listeners) {
      if (!listener.isPublic || listener.needsLogin) continue;
      const risks: Hit[][] = [];
      for (const list of RCPT_LISTS) {
        const entries = listener.entries.filter((entry) => entry.list === list);
        const end = entries.findIndex(isRelayCheck);
        if (end >= 0) risks.push(await findRisks(entries, end, listener, facts));
      }
      // Where another list checks first, without exceptions, these permit nothing.
      if (risks.some((risk) => risk.length === 0)) continue;
      for (const hit of risks.flat()) found.set(JSON.stringify(hit.evidence), hit);
    }
    return [...found.values()];
  },
};

/** Entries of one list that permit somebody before `end`, the index of the relay check. */
async function findRisks(
  list: readonly Entry[],
  end: number,
  { service }: Listener,
  facts: PostfixFacts,
): Promise<Hit[]> {
  const found: { entry: Entry; evidence: Hit['evidence'] }[] = [];
  for (const entry of list.slice(0, end)) {
    if (!/^check_\w+_access$/.test(entry.name) || entry.name === 'check_sasl_access') continue;
    for (const { value, evidence } of (await facts.tables.entries(entry.argument ?? '')) ?? [])
      if (permits(value, facts)) found.push({ entry, evidence });
  }
  const risky = new Set(found.map(({ entry }) => entry));
  const before = list.slice(0, end).filter((entry) => !risky.has(entry));
  const moved = [...before, list[end] as Entry, ...risky, ...list.slice(end + 1)];
  return found.map(({ entry, evidence }) => {
    const isForgeable = /^check_(?:sender|helo|recipient)/.test(entry.name);
    return {
      evidence,
      severity: isForgeable ? 'error' : 'warning',
      why: `${entryText(entry)} comes before the check for foreign domains (${entry.list} of ${service.name}), so who is permitted here may send to any domain. ${isForgeable ? 'Anybody can forge this key' : 'A client here needs no password'}.`,
      fix: facts.set(entry.list, moved.map(entryText).join(', '), service),
    };
  });
}

/** access(5): OK, a number alone, or a restriction that permits; also by way of a restriction class. */
function permits(value: string, facts: PostfixFacts): boolean {
  if (/^(?:OK\b|\d+\s*$|permit(?:_auth_destination)?\b(?!_))/i.test(value))
    return !/^permit_auth_destination\b/i.test(value);
  const inside = facts.classes.get(value.trim());
  if (inside === undefined) return false;
  const first = readClass(inside, facts.classes).find(
    (entry) => isRelayCheck(entry) || entry.name === 'permit',
  );
  return first?.name === 'permit';
}

export const percentHack: PostfixCheck = {
  id: 'percent-hack',
  find: (facts) => [
    ...(facts.get('allow_untrusted_routing') === 'yes'
      ? [
          {
            evidence: facts.where('allow_untrusted_routing'),
            fix: facts.set('allow_untrusted_routing', 'no'),
          },
        ]
      : []),
    ...facts.listeners
      .filter(
        ({ service }) =>
          service.overrides('allow_untrusted_routing') &&
          service.setting('allow_untrusted_routing') === 'yes',
      )
      .map(({ service }) => ({
        evidence: facts.where('allow_untrusted_routing', service),
        fix: facts.set('allow_untrusted_routing', 'no', service),
      })),
  ],
};
