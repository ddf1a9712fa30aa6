/** Follows the streams of all hosts: which keys have changed. What they say now is read elsewhere (blocks.ts). */
import { type Engine, PREFIX } from './engine.ts';

/** How long one call waits for news, ms: as long a new host may go unnoticed. */
const WAIT = 1000;

export class KeyStream {
  readonly #engine: Engine;
  /** by host, the entry that was read last; undefined: what the host has there is not a stream */
  readonly #read = new Map<string, string | undefined>();

  /** `engine`: a connection of its own, because each call waits. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Takes up a host from now on. True if it was not followed before, so that its state has to be read. */
  async follow(hosts: readonly string[]): Promise<boolean> {
    const added = hosts.filter((host) => !this.#read.has(host));
    if (added.length === 0) return false;
    const replies = await this.#engine.askAll(
      added.map((host) => ['XREVRANGE', streamOf(host), '+', '-', 'COUNT', '1']),
    );
    for (const [index, host] of added.entries()) {
      const entries = replies[index] as [string, string[]][] | undefined;
      this.#read.set(host, entries && (entries[0]?.[0] ?? '0-0'));
    }
    return true;
  }

  /** Forgets its places: after a gap, everything has to be read. */
  restart(): void {
    this.#read.clear();
  }

  /** Waits for keys that have changed, for a second at most. Throws an EngineError. */
  async next(): Promise<string[]> {
    const hosts = [...this.#read.keys()].filter((host) => this.#read.get(host) !== undefined);
    const reply = (await this.#engine.call(
      [
        ...['XREAD', 'COUNT', '1000', 'BLOCK', String(WAIT), 'STREAMS'],
        ...hosts.map(streamOf),
        ...hosts.map((host) => this.#read.get(host) as string),
      ],
      3 * WAIT,
    )) as [string, [string, string[]][]][] | null;
    const keys = new Set<string>();
    for (const [name, entries] of reply ?? []) {
      for (const [id, [, key]] of entries) {
        this.#read.set(name.slice(PREFIX.length, -':stream'.length), id);
        if (key !== undefined) keys.add(key);
      }
    }
    return [...keys];
  }
}

function streamOf(host: string): string {
  return `${PREFIX}${host}:stream`;
}
