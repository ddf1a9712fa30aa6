/**
 * The hardening of a Postfix. New restrictions go into the list of RCPT behind everything that permits, so that relay
 * clients and users who logged in are not checked by them, and what is there keeps its order.
 */
import { type Entry, parseEntries } from '../../setup/postfix/restriction-list.ts';
import type { List, SmtpdService } from '../../setup/postfix/services.ts';
import { LISTS } from '../../setup/postfix/services.ts';
import type { Addition, Change, Hardening, HardenOptions } from '../harden.ts';
import { frontListeners } from './check/recipients.ts';
import { gatherPostfix, type Listener, type PostfixFacts } from './facts.ts';
import {
  type HardRestriction,
  type HardSetting,
  hardRestrictions,
  RATE_LIMITS,
  SETTINGS,
} from './hardened-set.ts';
import { costOf, isBarrier, isRelayCheck } from './restrictions.ts';

/** The changes, or a text that says why nothing could be read. */
export async function hardenPostfix({
  config,
  source,
  rehearse,
  notes,
}: HardenOptions): Promise<Hardening | string> {
  const facts = await gatherPostfix({ folder: source, config, notes });
  if (typeof facts === 'string') return facts;
  const front = frontListeners(facts);
  if (front.length === 0)
    return { changes: [], remarks: ['No smtpd takes mail from strangers: nothing to harden.'] };
  const lists = front.flatMap((listener) => changeLists(listener, facts, rehearse));
  if (rehearse)
    return finished(lists, [
      'Rehearsal: these restrictions refuse nothing, Postfix only logs what they would refuse.',
      'After a day, look at: postern audit --rehearsal. To enforce them: postern audit --harden.',
      'Settings and rate limits cannot be rehearsed: postern audit --harden has them.',
    ]);
  const settings = SETTINGS.flatMap((setting) => changeSetting(setting, front, facts));
  const open = facts.listeners.filter(({ isPublic }) => isPublic);
  const rates = RATE_LIMITS.flatMap((limit) => changeSetting(limit, open, facts));
  return finished(
    [...settings, ...lists, ...rates],
    [
      ...(rates.length === 0 ? [] : [rateRemark(facts)]),
      ...(lists.some(({ change }) => change.includes('_rbl_client '))
        ? ['Blocklists: most refuse public resolvers such as 8.8.8.8. Use one of your own.']
        : []),
      ...(lists.length === 0
        ? []
        : ['To see first what the restrictions would refuse: postern audit --harden --rehearse.']),
    ],
  );
}

function finished(changes: readonly Change[], remarks: readonly string[]): Hardening {
  const unique = [...new Map(changes.map((change) => [change.change, change])).values()];
  return unique.length === 0
    ? { changes: [], remarks: [] }
    : { changes: unique, remarks, finish: 'postfix reload' };
}

function rateRemark({ get }: PostfixFacts): string {
  const exempt = get('smtpd_client_event_limit_exceptions') || 'nobody';
  return `Rate limits count for each client address, not for each account, in ${get('anvil_rate_time_unit')}, and exempt smtpd_client_event_limit_exceptions (by default $mynetworks; now: ${exempt}).`;
}

function changeSetting(
  setting: HardSetting,
  listeners: readonly Listener[],
  facts: PostfixFacts,
): Change[] {
  const { name, value, why, effect } = setting;
  if (setting.sinceVersion === true && !facts.main.has(name)) return [];
  if (setting.forLogins === true && !listeners.some(({ service }) => offersLogin(service)))
    return [];
  return listeners
    .filter(({ service }) => !setting.isSet(service.setting(name)))
    .filter(({ entries }) => !entries.some((each) => each.name === setting.same && !each.warns))
    .map(({ service }) => ({
      where: place(name, service),
      now: service.setting(name),
      additions: [{ name, why, effect }],
      change: facts.assign(name, value, service),
    }));
}

function offersLogin({ setting }: SmtpdService): boolean {
  return setting('smtpd_sasl_auth_enable') === 'yes';
}

function place(name: string, service: SmtpdService): string {
  return service.overrides(name) ? `${name} of ${service.name} in master.cf` : name;
}

/** The lists of one service; two services with the same list give the same change. */
function changeLists(listener: Listener, facts: PostfixFacts, rehearse: boolean): Change[] {
  const set = hardRestrictions();
  const warned = rehearse ? [] : set.filter((each) => find(listener, each)?.warns === true);
  const missing = set.filter(
    (each) => !isThere(listener, each) && (rehearse || !becomesSetting(each, facts)),
  );
  return LISTS.flatMap((list): Change[] => {
    const { service } = listener;
    const written = service.written(list);
    const entries = parseEntries(written);
    const ended = entries.filter((entry) => entry.warns && warned.some((one) => is(entry, one)));
    const added = missing.filter((each) => each.list === list);
    if (ended.length + added.length === 0) return [];
    const kept = entries.map((entry) => (ended.includes(entry) ? withoutWarning(entry) : entry));
    const value = insert(
      kept,
      added.map((each) => toEntry(each, rehearse)),
      exemptions(list, facts, service),
    );
    return [
      {
        where: place(list, service),
        now: written,
        additions: [
          ...ended.map((entry) => enforced(warned.find((one) => is(entry, one)) as Addition)),
          ...added.map((each) => addition(each, rehearse)),
        ],
        change: facts.assign(list, value.map(({ text }) => text).join(', '), service),
      },
    ];
  });
}

function is({ name }: Pick<Entry, 'name'>, { name: wanted, same = [] }: HardRestriction): boolean {
  return name === wanted || same.includes(name);
}

/** One that refuses, before one that only warns. */
function find(
  { entries }: Listener,
  wanted: HardRestriction,
): Listener['entries'][number] | undefined {
  const found = entries.filter((entry) => is(entry, wanted));
  return found.find(({ warns }) => !warns) ?? found[0];
}

/** A restriction that only warns is there, too: it is enforced where it stands. */
function isThere(listener: Listener, wanted: HardRestriction): boolean {
  if (find(listener, wanted) !== undefined) return true;
  const value = wanted.parameter === undefined ? '' : listener.service.setting(wanted.parameter);
  return value !== '' && value !== 'no';
}

/** This Postfix has a setting for it, which refuses earlier. */
function becomesSetting({ parameter }: HardRestriction, { main }: PostfixFacts): boolean {
  return SETTINGS.some(({ name }) => name === parameter && main.has(name));
}

function addition({ name, argument, why, effect }: HardRestriction, rehearse: boolean): Addition {
  return {
    name: argument === undefined ? name : `${name} ${argument}`,
    why,
    effect: rehearse ? `Only logged: ${effect}` : effect,
  };
}

function enforced({ name, why, effect }: Addition): Addition {
  return { name, why, effect: `No longer a rehearsal: ${effect}` };
}

function toEntry({ name, argument }: HardRestriction, rehearse: boolean): Entry {
  const bare = argument === undefined ? name : `${name} ${argument}`;
  return { text: rehearse ? `warn_if_reject ${bare}` : bare, name, written: name, warns: rehearse };
}

function withoutWarning(entry: Entry): Entry {
  return { ...entry, text: entry.text.replace(/^(?:warn_if_reject\s+)+/i, ''), warns: false };
}

/** Whom the new restrictions of the list must not check. */
function exemptions(list: List, facts: PostfixFacts, service: SmtpdService): string[] {
  if (list !== 'smtpd_recipient_restrictions') return [];
  const readers = service.overrides(list)
    ? [service]
    : facts.listeners.map((each) => each.service).filter((each) => !each.overrides(list));
  return ['permit_mynetworks', ...(readers.some(offersLogin) ? ['permit_sasl_authenticated'] : [])];
}

const ENDS = ['permit', 'reject', 'defer', 'defer_if_permit', 'defer_if_reject'];

/** The same entries with new ones behind the last that may permit, each before the first that is dearer. */
function insert(
  entries: readonly Entry[],
  added: readonly Entry[],
  exempt: readonly string[],
): Entry[] {
  if (added.length === 0) return [...entries];
  const ends = entries.findIndex(({ name, warns }) => !warns && ENDS.includes(name));
  const end = ends < 0 ? entries.length : ends;
  const start = entries.slice(0, end).findLastIndex(mayPermit) + 1;
  const missing = exempt.filter(
    (name) => !entries.slice(0, start).some((entry) => entry.name === name),
  );
  if (missing.length > 0) {
    const permits = missing.map(
      (name): Entry => ({ text: name, name, written: name, warns: false }),
    );
    return [...entries.slice(0, end), ...permits, ...added, ...entries.slice(end)];
  }
  const stretch = entries.slice(start, end);
  for (const entry of added) {
    const dearer = stretch.findIndex((each) => costOf(each) > costOf(entry));
    stretch.splice(dearer < 0 ? stretch.length : dearer, 0, entry);
  }
  return [...entries.slice(0, start), ...stretch, ...entries.slice(end)];
}

function mayPermit(entry: Entry): boolean {
  return !entry.warns && (isBarrier(entry) || isRelayCheck(entry));
}
