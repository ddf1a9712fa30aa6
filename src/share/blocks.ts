/**
 * What the hosts' blocks and releases in the engine amount to. Reads only. A host may have written anything: what cannot
 * be read, or has a time in the future, counts as absent.
 */
import { type BlockAbout, SKEW } from './batch.ts';
import { type Engine, PREFIX } from './engine.ts';
import { isHostName } from './host-name.ts';

/** A block as its host wrote it. Times in ms, of the engine's clock. */
export interface SharedBlock {
  /** where it began */
  readonly host: string;
  readonly start: number;
  /** undefined: until released */
  readonly end?: number | undefined;
  readonly about: BlockAbout;
}

/** What all hosts together say of a key. */
export interface KeyState {
  readonly key: string;
  /** blocks that began until then are released; 0: none */
  readonly released: number;
  /** the host where it was released last */
  readonly releasedBy?: string | undefined;
  /** the first block that is not released; it may have ended */
  readonly block?: SharedBlock | undefined;
}

/** What a host says of itself. */
export interface HostState {
  readonly host: string;
  /** when the engine had its last batch, ms; 0: never */
  readonly seen: number;
  readonly about: Readonly<Record<string, unknown>>;
}

export async function readHosts(engine: Engine): Promise<string[]> {
  const names = (await engine.call(['SMEMBERS', `${PREFIX}hosts`])) as string[];
  return names.filter(isHostName).sort();
}

export async function readHostStates(
  engine: Engine,
  hosts: readonly string[],
): Promise<HostState[]> {
  const replies = await engine.askAll(
    hosts.map((host) => ['HMGET', `${PREFIX}${host}:host`, 'seen', 'about']),
  );
  return hosts.map((host, index) => {
    const [seen, about] = (replies[index] ?? []) as (string | null)[];
    return { host, seen: Number(seen ?? 0), about: parseObject(about) };
  });
}

/** The state of these keys. `now`: ms, of the engine's clock. */
export async function readKeys(
  engine: Engine,
  hosts: readonly string[],
  keys: readonly string[],
  now: number,
): Promise<KeyState[]> {
  if (keys.length === 0) return [];
  const replies = (await engine.askAll(
    hosts.flatMap((host) => [
      ['HMGET', `${PREFIX}${host}:released`, ...keys],
      ['HMGET', `${PREFIX}${host}:blocks`, ...keys],
    ]),
  )) as ((string | null)[] | undefined)[];
  return keys.map((key, at) =>
    joinStates(
      key,
      hosts.map((host, index) => ({
        host,
        released: replies[2 * index]?.[at] ?? undefined,
        block: replies[2 * index + 1]?.[at] ?? undefined,
      })),
      now,
    ),
  );
}

/** The state of every key that is blocked or was released. `now`: ms, of the engine's clock. */
export async function readAllKeys(
  engine: Engine,
  hosts: readonly string[],
  now: number,
): Promise<KeyState[]> {
  const replies = (await engine.askAll(
    hosts.flatMap((host) => [
      ['HGETALL', `${PREFIX}${host}:released`],
      ['HGETALL', `${PREFIX}${host}:blocks`],
    ]),
  )) as (string[] | undefined)[];
  const tables = replies.map(readTable);
  const keys = new Set(tables.flatMap((table) => [...table.keys()]));
  return [...keys].map((key) =>
    joinStates(
      key,
      hosts.map((host, index) => ({
        host,
        released: tables[2 * index]?.get(key),
        block: tables[2 * index + 1]?.get(key),
      })),
      now,
    ),
  );
}

function readTable(reply: readonly string[] = []): Map<string, string> {
  const table = new Map<string, string>();
  for (let at = 0; at + 1 < reply.length; at += 2) {
    table.set(reply[at] as string, reply[at + 1] as string);
  }
  return table;
}

interface Said {
  readonly host: string;
  readonly released: string | undefined;
  readonly block: string | undefined;
}

function joinStates(key: string, said: readonly Said[], now: number): KeyState {
  let released = 0;
  let releasedBy: string | undefined;
  for (const one of said) {
    const time = readPast(one.released, now);
    if (time === undefined || time <= released) continue;
    released = time;
    releasedBy = one.host;
  }
  const blocks = said.flatMap(({ host, block }) => readBlock(host, block, now) ?? []);
  const [block] = blocks
    .filter(({ start }) => start > released)
    .sort((a, b) => a.start - b.start || (a.host < b.host ? -1 : 1));
  return { key, released, releasedBy, block };
}

/** Undefined unless it is what the script writes. */
function readBlock(host: string, text: string | undefined, now: number): SharedBlock | undefined {
  const match = /^(\d{1,15}) (\d{1,15}) (\{.*\})$/s.exec(text ?? '');
  if (match === null) return undefined;
  const start = readPast(match[1], now);
  const about = parseObject(match[3]) as Partial<BlockAbout>;
  if (start === undefined || typeof about.rule !== 'string') return undefined;
  const end = Number(match[2]);
  return {
    host,
    start,
    end: end === 0 ? undefined : end,
    about: about as BlockAbout,
  };
}

/** A time in ms that is not in the future. With one that is, no release would ever reach a block. */
function readPast(text: string | undefined, now: number): number | undefined {
  const time = /^\d{1,15}$/.test(text ?? '') ? Number(text) : Number.NaN;
  return time <= now + SKEW ? time : undefined;
}

function parseObject(text: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
