/** Follows the streams of all hosts: who changed which keys. What they say now is read elsewhere (blocks.ts). */
import { type Engine, PREFIX } from './engine.ts';
import { LAST_SCRIPT, LONGEST_KEY } from './read-script.ts';

/** How long one call waits for news, ms. */
const WAIT = 1000;

/** Each of the keys was changed by at least one of the hosts. */
export interface Changes {
  readonly hosts: readonly string[];
  readonly keys: readonly string[];
}

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
    const last = await this.#engine.runScript(LAST_SCRIPT, [PREFIX, JSON.stringify(added)]);
    for (const [index, host] of added.entries()) {
      const id = (last as string[])[index];
      this.#read.set(host, id === '' ? undefined : id);
    }
    return true;
  }

  /** Forgets its places: after a gap, everything has to be read. */
  restart(): void {
    this.#read.clear();
  }

  /** Waits for keys that have changed, for a second at most. Throws an EngineError. */
  async next(): Promise<Changes> {
    const hosts = [...this.#read.keys()].filter((host) => this.#read.get(host) !== undefined);
    const reply = (await this.#engine.call(
      [
        ...['XREAD', 'COUNT', '1000', 'BLOCK', String(WAIT), 'STREAMS'],
        ...hosts.map(streamOf),
        ...hosts.map((host) => this.#read.get(host) as string),
      ],
      3 * WAIT,
    )) as [string, [string, string[]][]][] | null;
    const [changedBy, keys] = [new Set<string>(), new Set<string>()];
    for (const [name, entries] of reply ?? []) {
      const host = name.slice(PREFIX.length, -':stream'.length);
      for (const [id, [, key]] of entries) {
        this.#read.set(host, id);
        if (key === undefined || key === '' || key.length > LONGEST_KEY) continue;
        changedBy.add(host);
        keys.add(key);
      }
    }
    return { hosts: [...changedBy], keys: [...keys] };
  }
}

/** Ends the call that waits on the stream of `host`, here and on all other hosts. `engine`: another connection. */
export async function interrupt(engine: Engine, host: string): Promise<void> {
  await engine.call(['XADD', streamOf(host), 'MAXLEN', '~', '10000', '*', 'key', '']);
}

function streamOf(host: string): string {
  return `${PREFIX}${host}:stream`;
}
