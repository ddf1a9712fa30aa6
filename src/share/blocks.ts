/**
 * What the hosts' blocks and releases in the engine amount to. Reads only. A host may have written anything: what cannot
 * be read counts as absent, and so does what is in the future, whose host is named.
 */
import { type BlockAbout, type ReleaseAbout, SKEW } from './batch.ts';
import { type Engine, PREFIX } from './engine.ts';
import { READ_SCRIPT } from './read-script.ts';

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
  readonly release?: ReleaseAbout | undefined;
  /** hosts that wrote a time in the future, which does not count */
  readonly future: readonly string[];
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

/** The names of all hosts. */
export async function readHosts(engine: Engine): Promise<string[]> {
  return (await engine.runScript(READ_SCRIPT, [PREFIX, encode([], [], [])])) as string[];
}

/** So many hosts are read at once, at most. */
const TOGETHER = 50;

/** For each host, for each of these tables, what it has under these keys, or all. */
async function readTables(
  engine: Engine,
  hosts: readonly string[],
  tables: readonly string[],
  keys: readonly string[] = [],
): Promise<Map<string, string>[][]> {
  const replies: string[][][] = [];
  while (replies.length < hosts.length) {
    const at = replies.length;
    const asked = encode(hosts.slice(at, at + TOGETHER), tables, keys);
    replies.push(...((await engine.runScript(READ_SCRIPT, [PREFIX, asked])) as string[][][]));
  }
  return replies.map((each) => each.map(pairUp));
}

function encode(hosts: readonly string[], tables: readonly string[], keys: readonly string[]) {
  return JSON.stringify({ hosts, tables, keys });
}

function pairUp(reply: readonly string[]): Map<string, string> {
  const table = new Map<string, string>();
  for (let at = 0; at + 1 < reply.length; at += 2) {
    table.set(reply[at] as string, reply[at + 1] as string);
  }
  return table;
}

export async function readHostStates(
  engine: Engine,
  hosts: readonly string[],
): Promise<HostState[]> {
  const replies = await readTables(engine, hosts, ['host'], ['seen', 'about']);
  return hosts.map((host, index) => {
    const said = replies[index]?.[0];
    return { host, seen: Number(said?.get('seen') ?? 0), about: parseObject(said?.get('about')) };
  });
}

/** How many events each host counted, by rule and hour (hours since the epoch). */
export async function readSums(
  engine: Engine,
  hosts: readonly string[],
): Promise<{ readonly hour: number; readonly rule: string; readonly count: number }[][]> {
  const replies = await readTables(engine, hosts, ['sums']);
  return replies.map(([sums = new Map<string, string>()]) =>
    [...sums].flatMap(([name, count]) => {
      const match = /^(\d{1,9}) ([A-Za-z0-9._-]{1,100})$/.exec(name);
      if (match === null || !/^\d{1,12}$/.test(count)) return [];
      return [{ hour: Number(match[1]), rule: match[2] as string, count: Number(count) }];
    }),
  );
}

/** The state of these keys. `now`: ms, of the engine's clock. */
export async function readKeys(
  engine: Engine,
  hosts: readonly string[],
  keys: readonly string[],
  now: number,
): Promise<KeyState[]> {
  if (keys.length === 0) return [];
  const replies = await readTables(engine, hosts, TABLES, keys);
  return keys.map((key) => joinStates(key, findSaid(key, hosts, replies), now + SKEW));
}

/** The state of every key that is blocked or was released. `now`: ms, of the engine's clock. */
export async function readAllKeys(
  engine: Engine,
  hosts: readonly string[],
  now: number,
): Promise<KeyState[]> {
  const replies = await readTables(engine, hosts, TABLES);
  const keys = new Set(replies.flat().flatMap((table) => [...table.keys()]));
  return [...keys].map((key) => joinStates(key, findSaid(key, hosts, replies), now + SKEW));
}

const TABLES = ['released', 'blocks'];

function findSaid(
  key: string,
  hosts: readonly string[],
  replies: readonly Map<string, string>[][],
): Said[] {
  return hosts.map((host, index) => {
    const [released, blocks] = replies[index] ?? [];
    return { host, released: released?.get(key), block: blocks?.get(key) };
  });
}

interface Said {
  readonly host: string;
  readonly released: string | undefined;
  readonly block: string | undefined;
}

/** `latest`: what is later (ms) does not count, since nobody could release it. */
function joinStates(key: string, said: readonly Said[], latest: number): KeyState {
  const future = new Set<string>();
  let released = 0;
  let releasedBy: string | undefined;
  let release: ReleaseAbout | undefined;
  for (const one of said) {
    const match = /^(\d{1,15})(?: (\{.*\}))?$/s.exec(one.released ?? '');
    if (match === null || Number(match[1]) <= released) continue;
    if (Number(match[1]) > latest) {
      future.add(one.host);
      continue;
    }
    released = Number(match[1]);
    releasedBy = one.host;
    release = parseObject(match[2]);
  }
  const blocks = said.flatMap(({ host, block }) => readBlock(host, block) ?? []);
  for (const { host, start } of blocks) if (start > latest) future.add(host);
  const [block] = blocks
    .filter(({ start }) => start > released && start <= latest)
    .sort((a, b) => a.start - b.start || (a.host < b.host ? -1 : 1));
  return { key, released, releasedBy, release, block, future: [...future] };
}

/** Undefined unless it is what the script writes. */
function readBlock(host: string, text: string | undefined): SharedBlock | undefined {
  const match = /^(\d{1,15}) (\d{1,15}) (\{.*\})$/s.exec(text ?? '');
  if (match === null) return undefined;
  const about = parseObject(match[3]) as Partial<BlockAbout>;
  if (typeof about.rule !== 'string') return undefined;
  const end = Number(match[2]);
  return {
    host,
    start: Number(match[1]),
    end: end === 0 ? undefined : end,
    about: about as BlockAbout,
  };
}

function parseObject(text: string | null | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
