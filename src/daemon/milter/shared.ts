/**
 * What the jobs of several configurations use at a time: after a reload, messages that were begun go on with the old job
 * for some minutes. Each thing is opened once, by its name, and closed with its last user.
 */

interface Open {
  readonly value: unknown;
  readonly close: () => void;
  users: number;
}

export class Shared {
  readonly #open = new Map<string, Open>();
  readonly #kept = new Map<string, unknown>();

  /** What is counted over reloads: made once, and kept as long as the service runs. */
  keep<T>(name: string, make: () => T): T {
    if (!this.#kept.has(name)) this.#kept.set(name, make());
    return this.#kept.get(name) as T;
  }

  /** The thing of this name; `open` makes it if nobody has it yet. Give it back with `release`. Throws what `open` throws. */
  take<T>(
    name: string,
    open: () => { readonly value: T; readonly close: () => void },
  ): { readonly value: T; release(): void } {
    const known = this.#open.get(name) ?? { ...open(), users: 0 };
    this.#open.set(name, known);
    known.users++;
    return { value: known.value as T, release: () => this.#release(name, known) };
  }

  #release(name: string, known: Open): void {
    known.users--;
    if (known.users > 0) return;
    this.#open.delete(name);
    known.close();
  }
}
