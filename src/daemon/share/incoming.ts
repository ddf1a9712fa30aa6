/**
 * What other servers blocked and released, turned into blocks and releases of this one: by the same policy as its own
 * verdicts, so its allow list and its cap hold. What another server wrote is only a claim, and is checked.
 */
import type { Decision } from '../../enforce/decide.ts';
import type { Rule } from '../../judge/rule.ts';
import type { Block, BlockableType, Verdict } from '../../model/block.ts';
import { parseBlockable } from '../../model/identity.ts';
import { type BlockAbout, SKEW } from '../../share/batch.ts';
import type { KeyState, SharedBlock } from '../../share/blocks.ts';
import { isHostName } from '../../share/host-name.ts';
import { MOST_HOSTS } from '../../share/read-script.ts';
import type { Store } from '../../store/store.ts';
import { RELEASED_BY } from '../../store/stored-block.ts';
import type { StoredVerdict } from '../../store/verdicts.ts';
import { type DecisionOptions, recordVerdicts } from '../decisions.ts';
import { HourlyLimit } from './hourly-limit.ts';

interface IncomingOptions extends DecisionOptions {
  readonly rules: ReadonlyMap<string, Rule>;
  /** the name of this server among the others */
  readonly host: string;
  readonly limits: IncomingLimits;
}

/** How much other servers may make this one do. What is beyond waits: it is looked at again with the next comparison. */
export interface IncomingLimits {
  /** blocks by hand: the cap holds for them, too */
  readonly byHand: HourlyLimit;
  /** decisions on their verdicts, each of which is kept, whatever it is */
  readonly verdicts: HourlyLimit;
}

/** `blocksPerHour`: the cap. */
export function makeIncomingLimits(blocksPerHour: number): IncomingLimits {
  const verdicts = new HourlyLimit(Math.max(MOST_VERDICTS, 2 * blocksPerHour));
  return { byHand: new HourlyLimit(blocksPerHour), verdicts };
}

/** More accounts than that do not meet a limit in an hour, unless a server makes them up. */
const MOST_VERDICTS = 500;

/** What has become of it here. */
export interface Applied {
  readonly decisions: readonly Decision[];
  /** whether blocks began or ended */
  readonly changed: boolean;
}

/** Whether a server that another one is named by did it: then its own notices say so. */
const SILENT: ReadonlySet<string> = new Set();

/** Inside a transaction. `now`: ms, of this host; `ahead`: how far its clock is ahead of the engine's. */
export function applyStates(
  options: IncomingOptions,
  states: readonly KeyState[],
  now: number,
  ahead: number,
): Applied {
  const decisions: Decision[] = [];
  let changed = false;
  for (const state of states) {
    const key = parseKey(state.key);
    if (key === undefined) continue;
    if (applyRelease(options.store, key, state, now, ahead)) changed = true;
    const { block } = state;
    if (block === undefined || (block.end !== undefined && block.end + ahead <= now)) continue;
    noteHosts(options.store, key, block);
    if (isSettled(options, key, block, ahead)) continue;
    if (block.about.rule === 'manual') changed = begin(options, key, block, now, ahead) || changed;
    else decisions.push(...decideOn(options, key, block, now, ahead));
  }
  return { decisions, changed: changed || decisions.some(({ outcome }) => outcome === 'blocked') };
}

const MOST_NOTE = 500;
const MOST_NAME = 64;

const TYPES: readonly BlockableType[] = ['user', 'client', 'uid', 'sender'];

/** The key that a name in the engine stands for; undefined if it is none that can be blocked. */
export function parseKey(name: string): Block['key'] | undefined {
  const at = name.indexOf(':');
  const type = TYPES.find((type) => type === name.slice(0, at));
  if (type === undefined) return undefined;
  const key = parseBlockable(name);
  // Only in the form in which the judge writes it.
  return key?.type === type && key.id === name.slice(at + 1) ? key : undefined;
}

function applyRelease(
  store: Store,
  key: Block['key'],
  { released, releasedBy: host = '', release }: KeyState,
  now: number,
  ahead: number,
): boolean {
  const running = store.blocks.running(key);
  if (running === undefined || released + ahead < running.start) return false;
  if (!store.blocks.release(running.id, now, 'server', store.events.newest())) return false;
  const how = RELEASED_BY.find((how) => how === release?.how);
  store.blocks.noteReleasedBy(running.id, { host, how, who: readText(release?.who, MOST_NAME) });
  return true;
}

/** This server may have blocked the key before it heard what each of them had counted. */
function noteHosts(store: Store, key: Block['key'], block: SharedBlock): void {
  const hosts = readHosts(block.about);
  const id = store.blocks.runningOver(key)?.verdict;
  if (hosts === undefined || id === undefined) return;
  const stored = store.verdicts.get(id)?.verdict;
  if (stored?.hosts === undefined && stored?.rule === block.about.rule)
    store.verdicts.noteHosts(id, hosts);
}

/** Whether this server has dealt with the block: it runs, it was released here, or there was a decision on it. */
function isSettled(
  { store, host: own }: IncomingOptions,
  key: Block['key'],
  block: SharedBlock,
  ahead: number,
): boolean {
  if (store.blocks.runningOver(key) !== undefined) return true;
  const { start, host } = block;
  const isReleased = store.blocks.findOver(key).some(({ released, releasedBy, ...one }) => {
    if (releasedBy === 'expiry') return one.host === host && one.start === start;
    return released !== undefined && released - ahead >= start;
  });
  const time = getTime(block);
  if (isReleased || store.verdicts.hasFrom(nameSource(host), start, time, key)) return true;
  // What this server counted met its own limit, too, and there was a reason not to block.
  const isOwn = ({ verdict }: StoredVerdict) =>
    verdict.rule === block.about.rule && verdict.time === time;
  return host === own && store.verdicts.findByKey(key).some(isOwn);
}

function begin(
  { store, policy, host, limits }: IncomingOptions,
  key: Block['key'],
  block: SharedBlock,
  now: number,
  ahead: number,
): boolean {
  if (policy.allow.reason(key) !== undefined) return false;
  if (block.host !== host && limits.byHand.isReached(now)) return false;
  const end = block.end === undefined ? undefined : block.end + ahead;
  const origin = block.host === host ? undefined : block.host;
  const note = readText(block.about.note, MOST_NOTE);
  const who = origin === undefined ? undefined : readText(block.about.who, MOST_NAME);
  const { start } = block;
  const begun = store.blocks.start({ key, cause: 'manual', start, end, note, host: origin, who });
  if (begun !== undefined && origin !== undefined) limits.byHand.note(now);
  return begun !== undefined;
}

function decideOn(
  options: IncomingOptions,
  key: Block['key'],
  block: SharedBlock,
  now: number,
  ahead: number,
): readonly Decision[] {
  const rule = options.rules.get(block.about.rule);
  if (rule === undefined) return []; // this server does not have the rule
  const isOwn = block.host === options.host;
  if (!isOwn && options.limits.verdicts.isReached(now)) return [];
  if (!isOwn) options.limits.verdicts.note(now);
  const verdict = buildVerdict(key, block, rule, now, ahead);
  const host = isOwn ? undefined : block.host;
  const notifyRules = isOwn || options.notifyRules === undefined ? options.notifyRules : SILENT;
  return recordVerdicts(
    { ...options, ...(notifyRules === undefined ? {} : { notifyRules }) },
    [verdict],
    now,
    host,
  );
}

function buildVerdict(
  key: Block['key'],
  block: SharedBlock,
  rule: Rule,
  now: number,
  ahead: number,
): Verdict {
  const { about, start, end, host } = block;
  const time = getTime(block);
  const [limit] = rule.limits;
  const hosts = readHosts(about);
  return {
    rule: rule.name,
    action: rule.action,
    key,
    time,
    // With the number of the line it was read from, there would be a line to look for.
    source: nameSource(host),
    line: 0,
    offset: start,
    count: readNumber(about, 'count') ?? limit?.limit ?? 1,
    limit: readNumber(about, 'limit') ?? limit?.limit ?? 1,
    period: readNumber(about, 'period') ?? limit?.period ?? 1,
    ...(end === undefined ? {} : { duration: end + ahead - now }),
    ...(hosts === undefined ? {} : { hosts }),
    ...(start - time > rule.fresh ? { stale: true } : {}),
  };
}

function nameSource(host: string): string {
  return `server ${host}`;
}

/** When the limit was met: hardly after the block began. */
function getTime({ about, start }: SharedBlock): number {
  const time = readNumber(about, 'time') ?? start;
  return time <= start + SKEW ? time : start;
}

function readNumber(about: BlockAbout, name: 'time' | 'count' | 'limit' | 'period') {
  const value: unknown = about[name];
  const isPossible = typeof value === 'number' && value >= 1 && value <= Number.MAX_SAFE_INTEGER;
  return isPossible ? Math.round(value) : undefined;
}

function readText(value: unknown, most: number): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, most) : undefined;
}

/** What each server counted; undefined unless there are several. */
function readHosts({ hosts }: BlockAbout): Record<string, number> | undefined {
  if (typeof hosts !== 'object' || hosts === null) return undefined;
  const counts = Object.entries(hosts as Record<string, unknown>).filter(
    (entry): entry is [string, number] =>
      isHostName(entry[0]) && Number.isSafeInteger(entry[1]) && (entry[1] as number) > 0,
  );
  if (counts.length < 2 || counts.length > MOST_HOSTS) return undefined;
  return Object.fromEntries(counts.sort(([, a], [, b]) => b - a));
}
