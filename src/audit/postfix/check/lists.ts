/** How the restriction lists are written: order, dead-blocklist, duplicate, warn-left, null-sender-refused. */
import { LISTS, type List } from '../../../setup/postfix/services.ts';
import type { Check } from '../../check.ts';
import { findDeadZone } from '../../dead-lists.ts';
import type { Hit } from '../../finding.ts';
import type { Listener, PostfixFacts } from '../facts.ts';
import { isRehearsed } from '../hardened-set.ts';
import {
  costOf,
  type Entry,
  entryText,
  isBarrier,
  isRelayCheck,
  RCPT_LISTS,
} from '../restrictions.ts';
import { frontListeners } from './recipients.ts';

type PostfixCheck = Check<PostfixFacts>;

/** One hit for each place, although several services share main.cf. */
function once(hits: readonly Hit[]): Hit[] {
  return [...new Map(hits.map((hit) => [JSON.stringify([hit.evidence, hit.fix]), hit])).values()];
}

export const order: PostfixCheck = {
  id: 'order',
  find(facts) {
    const hits = facts.listeners.flatMap(({ service, entries }) =>
      LISTS.flatMap((list) => {
        const own = entries.filter((entry) => entry.list === list);
        const better = fromCheapToDear(own, checksRelayBefore(entries, list));
        if (better.every((entry, index) => entry === own[index])) return [];
        return [
          {
            evidence: facts.where(list, service),
            fix: facts.set(list, better.map(entryText).join(', '), service),
          },
        ];
      }),
    );
    return once(hits);
  },
};

function checksRelayBefore(entries: readonly Entry[], list: List): boolean {
  const index = RCPT_LISTS.indexOf(list);
  const before = RCPT_LISTS.slice(0, Math.max(0, index));
  return entries.some((entry) => isRelayCheck(entry) && before.some((name) => name === entry.list));
}

/**
 * The same restrictions, sorted inside each stretch that no permit interrupts. `isChecked`: foreign domains were refused
 * in a list before, so the relay check here is not urgent.
 */
function fromCheapToDear(entries: readonly Entry[], isChecked: boolean): Entry[] {
  const sorted: Entry[] = [];
  let stretch: Entry[] = [];
  const flush = () => {
    sorted.push(...stretch.toSorted((a, b) => costOf(a) - costOf(b)));
    stretch = [];
  };
  for (const entry of entries) {
    const isIdle = isChecked && isRelayCheck(entry);
    if (!isBarrier(entry) && !isIdle) stretch.push(entry);
    else {
      flush();
      sorted.push(entry);
    }
  }
  flush();
  return sorted;
}

export const deadBlocklist: PostfixCheck = {
  id: 'dead-blocklist',
  find(facts) {
    const hits = facts.listeners.flatMap(({ service, entries }) => {
      const dead = entries.filter(isDead);
      return [...new Set(dead.map(({ list }) => list))].map((list) => {
        const kept = entries.filter((entry) => entry.list === list && !dead.includes(entry));
        const names = dead.filter((entry) => entry.list === list).map(entryText);
        const value = kept.map(entryText).join(', ');
        return {
          evidence: facts.where(list, service),
          fix: `remove ${names.join(', ')}: ${facts.set(list, value, service)}`,
        };
      });
    });
    return [...once(hits), ...findDeadInPostscreen(facts)];
  },
};

function isDead({ name, argument = '' }: Entry): boolean {
  const asksList = /_(?:rbl|rhsbl)_|^permit_(?:dnswl|rhswl)_/.test(name);
  return asksList && findDeadZone(zoneOf(argument)) !== undefined;
}

/** `zen.spamhaus.org=127.0.0.[2..11]*3` */
function zoneOf(argument: string): string {
  return argument.replace(/[=*].*$/, '');
}

function findDeadInPostscreen(facts: PostfixFacts): Hit[] {
  const name = 'postscreen_dnsbl_sites';
  const sites = facts
    .get(name)
    .split(/[\s,]+/)
    .filter(Boolean);
  const dead = sites.filter((site) => findDeadZone(zoneOf(site)) !== undefined);
  if (dead.length === 0) return [];
  const kept = sites.filter((site) => !dead.includes(site));
  return [
    {
      evidence: facts.where(name),
      fix: `remove ${dead.join(', ')}: ${facts.set(name, kept.join(', '))}`,
    },
  ];
}

/** Those stand in several lists for a good reason, or cost nothing. */
const OFTEN_REPEATED =
  /^(?:permit|reject$|defer$|reject_unauth_destination|defer_unauth_destination|check_)/;

export const duplicate: PostfixCheck = {
  id: 'duplicate',
  find(facts) {
    const hits = new Map<string, Hit>();
    for (const { service, entries } of facts.listeners) {
      const first = (entry: Entry) => entries.find((other) => isSame(other, entry)) as Entry;
      const second = entries.filter((entry) => first(entry) !== entry);
      for (const entry of second) {
        const kept = entries.filter((each) => each.list === entry.list && !second.includes(each));
        const { list } = first(entry);
        const where = list === entry.list ? '' : ` (it is in ${list} already)`;
        const evidence = facts.where(entry.list, service);
        const key = JSON.stringify([evidence, entryText(entry)]);
        if (hits.has(key)) continue; // another service with the same list
        const value = kept.map(entryText).join(', ');
        hits.set(key, {
          evidence,
          fix: `remove the second ${entryText(entry)}${where}: ${facts.set(entry.list, value, service)}`,
        });
      }
    }
    return [...hits.values()];
  },
};

function isSame(one: Entry, two: Entry): boolean {
  if (entryText(one) !== entryText(two)) return false;
  if (one.list === two.list) return true;
  const atRcpt = [one, two].every(({ list }) => RCPT_LISTS.includes(list));
  return atRcpt && !OFTEN_REPEATED.test(one.name);
}

/** Of `postern audit --harden --rehearse`: nothing else in the list only warns. */
const REHEARSAL =
  'This looks like a rehearsal: it only logs what it would have refused. See first what that was (postern audit --rehearsal), then enforce it.';

export const warnLeft: PostfixCheck = {
  id: 'warn-left',
  find(facts) {
    const hits = facts.listeners.flatMap(({ service, entries }) => {
      const warning = entries.filter(({ warns }) => warns);
      return [...new Set(warning.map(({ list }) => list))].map((list) => {
        const own = entries.filter((entry) => entry.list === list);
        const value = own.map((entry) => entryText({ ...entry, warns: false })).join(', ');
        const evidence = facts.where(list, service);
        const fix = facts.set(list, value, service);
        const isRehearsal = own.every((entry) => !entry.warns || isRehearsed(entry));
        return isRehearsal ? { evidence, fix, why: REHEARSAL } : { evidence, fix };
      });
    });
    return once(hits);
  },
};

export const nullSenderRefused: PostfixCheck = {
  id: 'null-sender-refused',
  async find(facts) {
    const found: Hit[] = [];
    const key = facts.get('smtpd_null_access_lookup_key') || '<>';
    for (const listener of frontListeners(facts)) {
      for (const entry of listener.entries) {
        if (entry.name !== 'check_sender_access' || entry.warns) continue;
        found.push(...(await findRefusal(entry, key, listener, facts)));
      }
    }
    return once(found);
  },
};

async function findRefusal(
  entry: Entry,
  key: string,
  { service }: Listener,
  facts: PostfixFacts,
): Promise<Hit[]> {
  const table = entry.argument ?? '';
  const value = (await facts.tables.query(table, [key])).get(key);
  if (value === undefined || !/^(?:REJECT|DISCARD|DEFER|[45]\d\d)\b/i.test(value)) return [];
  const entries = await facts.tables.entries(table);
  const written = entries?.find((each) => each.key === key);
  const { text, ...place } = facts.where(entry.list, service);
  return [
    {
      evidence: written?.evidence ?? {
        ...place,
        text: `${text}: ${table} answers ${value} for ${key}`,
      },
      fix: `let ${table} say DUNNO for ${key}${/:(?:hash|lmdb|btree|cdb):|^(?:hash|lmdb|btree|cdb):/.test(table) ? `, then: postmap ${table}` : ', then: postfix reload'}`,
    },
  ];
}
