/**
 * What the servers that count together have counted and blocked in a period: as the engine has it and, beyond that, as
 * this server's own database knows it. While the engine is away, only the latter.
 */
import { dropUndefined } from '../base/defined.ts';
import { getMessage } from '../base/errors.ts';
import { HOUR, MINUTE, SECOND, systemClock } from '../base/time.ts';
import type { BlockableType } from '../model/block.ts';
import {
  type HostState,
  type KeyState,
  readAllKeys,
  readHostStates,
  readHosts,
  readSums,
} from '../share/blocks.ts';
import type { Engine, EngineOptions } from '../share/engine.ts';
import type { Store } from '../store/store.ts';
import type { ReleasedBy, StoredBlock } from '../store/stored-block.ts';

/** Times in ms, of this server's clock. */
export interface Servers {
  /** this server */
  readonly own: string;
  /** why the engine cannot be asked; absent: it answered */
  readonly failure?: string;
  readonly hosts: readonly ServerCounts[];
  readonly blocks: readonly ServerBlock[];
}

export interface ServerCounts {
  readonly host: string;
  /** when the engine heard of it last; absent: not known, or never */
  readonly seen?: number;
  /** events that counted together, by rule, in the hours of the period; absent: only the engine knows */
  readonly counted?: Readonly<Record<string, number>>;
  /** blocks of the period that began there */
  readonly blocks: number;
}

export interface ServerBlock {
  readonly key: StoredBlock['key'];
  readonly cause: string;
  readonly host: string;
  readonly start: number;
  readonly end?: number;
  readonly released?: number;
  readonly releasedBy?: ReleasedBy;
  readonly releasedHost?: string;
  /** by hand */
  readonly who?: string;
  readonly note?: string;
  /** what each server counted for it */
  readonly hosts?: Readonly<Record<string, number>>;
  /** it is a block of this server, too; if not, its allow list, its cap or its mode is the reason */
  readonly isHere: boolean;
}

interface Period {
  /** ms, `until` exclusive */
  readonly since: number;
  readonly until: number;
}

/** How far the beginnings of one block may be apart on two servers, ms. */
const SAME = MINUTE;

/** `blocks`: those of this server in the period. Never throws because of the engine. */
export async function gatherServers(
  store: Store,
  share: EngineOptions,
  period: Period,
  blocks: readonly StoredBlock[],
): Promise<Servers> {
  const own = share.host;
  const known = blocks
    .filter(({ at }) => at === undefined)
    .map((block) => describeStored(store, block, own));
  const { Engine } = await import('../share/engine.ts');
  const engine = new Engine(share);
  try {
    const asked = await askEngine(engine, own, period);
    const more = asked.blocks.filter((block) => !known.some((one) => isSame(one, block)));
    const all = [...known, ...more].sort((a, b) => a.start - b.start);
    return { own, hosts: countBlocks(asked.hosts, all), blocks: all };
  } catch (error) {
    const names = (store.state.read('health')?.share?.hosts ?? []).map(({ host }) => host);
    const hosts = [...new Set([own, ...names, ...known.map(({ host }) => host)])].sort();
    const counts = countBlocks(
      hosts.map((host) => ({ host })),
      known,
    );
    return { own, failure: getMessage(error), hosts: counts, blocks: known };
  } finally {
    engine.close();
  }
}

interface Asked {
  readonly hosts: readonly Omit<ServerCounts, 'blocks'>[];
  readonly blocks: readonly ServerBlock[];
}

async function askEngine(engine: Engine, own: string, period: Period): Promise<Asked> {
  const names = await readHosts(engine);
  const hosts = names.includes(own) ? names : [...names, own].sort();
  const before = systemClock.now();
  const [seconds, microseconds] = ((await engine.call(['TIME'])) as string[]).map(Number);
  const now = Number(seconds) * SECOND + Math.floor(Number(microseconds) / 1000);
  // The time of the call is no difference of the clocks.
  const ahead = Math.round((before - now) / SECOND) * SECOND;
  const states = await readHostStates(engine, hosts);
  const sums = await readSums(engine, hosts);
  const keys = await readAllKeys(engine, hosts, now);
  return {
    hosts: states.map(({ host, seen }: HostState, index) =>
      dropUndefined({
        host,
        seen: seen === 0 ? undefined : seen + ahead,
        counted: sumPeriod(sums[index] ?? [], period, ahead),
      }),
    ),
    blocks: keys.flatMap((state) => describeShared(state, period, ahead)),
  };
}

function sumPeriod(
  sums: readonly { readonly hour: number; readonly rule: string; readonly count: number }[],
  { since, until }: Period,
  ahead: number,
): Record<string, number> {
  const byRule: Record<string, number> = {};
  for (const { hour, rule, count } of sums) {
    const begin = hour * HOUR + ahead;
    if (begin + HOUR <= since || begin >= until) continue;
    byRule[rule] = (byRule[rule] ?? 0) + count;
  }
  return byRule;
}

function describeStored(store: Store, block: StoredBlock, own: string): ServerBlock {
  const { key, cause, host = own, start, end, released, releasedBy, releasedHost } = block;
  const { verdict, note, who, releasedHow } = block;
  const done = store.actions.ofBlock(block.id).find((one) => one.what === 'block' && one.done);
  return dropUndefined({
    key,
    cause,
    host,
    start,
    end,
    released,
    releasedBy: releasedBy === 'server' ? (releasedHow ?? releasedBy) : releasedBy,
    releasedHost: released === undefined ? undefined : (releasedHost ?? own),
    who: who ?? done?.who,
    note,
    hosts: verdict === undefined ? undefined : store.verdicts.get(verdict)?.verdict.hosts,
    isHere: true,
  });
}

/** A block that the engine has and that ran in the period. */
function describeShared(
  { key: name, block }: KeyState,
  { since, until }: Period,
  ahead: number,
): ServerBlock[] {
  if (block === undefined) return [];
  const start = block.start + ahead;
  const end = block.end === undefined ? undefined : block.end + ahead;
  if (start >= until || (end !== undefined && end < since)) return [];
  const at = name.indexOf(':');
  const { rule, hosts, who, note } = block.about;
  return [
    dropUndefined({
      key: { type: name.slice(0, at) as BlockableType, id: name.slice(at + 1) },
      cause: rule,
      host: block.host,
      start,
      end,
      who,
      note,
      hosts,
      isHere: false,
    }),
  ];
}

function isSame(known: ServerBlock, shared: ServerBlock): boolean {
  return (
    known.key.type === shared.key.type &&
    known.key.id === shared.key.id &&
    shared.start >= known.start - SAME &&
    shared.start <= (known.released ?? Number.POSITIVE_INFINITY)
  );
}

function countBlocks(
  hosts: readonly Omit<ServerCounts, 'blocks'>[],
  blocks: readonly ServerBlock[],
): ServerCounts[] {
  return hosts.map((one) => ({
    ...one,
    blocks: blocks.filter(({ host }) => host === one.host).length,
  }));
}
