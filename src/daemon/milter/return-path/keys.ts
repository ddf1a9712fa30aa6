/** The key file while the milter runs: read again when it changes; one that cannot be used leaves the last good keys. */
import { statSync } from 'node:fs';
import { getMessage } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { type Clock, SECOND } from '../../../base/time.ts';
import { readKeyFile } from '../../../sign/key-file.ts';
import { endOfSigning, findSigning, listVerifying } from '../../../sign/keys.ts';
import type { Key } from '../../../sign/scheme.ts';

/** How often to look whether the file has changed, ms. */
const PAUSE = SECOND;

export class KeyRing {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #log: Log;
  #keys: readonly Key[] = [];
  #stamp = '';
  #looked = Number.NEGATIVE_INFINITY;
  #failure: string | undefined;

  constructor(file: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#file = file;
    this.#clock = clock;
    this.#log = log;
  }

  /** Undefined when there is none. */
  get signing(): Key | undefined {
    this.#look();
    return findSigning(this.#keys);
  }

  get verifying(): readonly Key[] {
    this.#look();
    return listVerifying(this.#keys, this.#clock.now());
  }

  /** What is wrong with the keys, one line each. */
  listProblems(): string[] {
    const key = this.signing;
    const end = key === undefined ? undefined : endOfSigning(key);
    const isOld = end !== undefined && this.#clock.now() > end;
    return [
      ...(this.#failure === undefined ? [] : [this.#failure]),
      ...(isOld ? [`key ${key?.number} of return paths is too old: run postern key add`] : []),
    ];
  }

  #look(): void {
    const now = this.#clock.now();
    if (Math.abs(now - this.#looked) < PAUSE) return;
    this.#looked = now;
    const stamp = readStamp(this.#file);
    // One that failed is tried again: a wrong mode is mended without touching the file.
    if (stamp === this.#stamp && this.#failure === undefined) return;
    this.#stamp = stamp;
    this.#read();
  }

  #read(): void {
    try {
      this.#keys = readKeyFile(this.#file);
      if (this.#failure !== undefined)
        this.#log.info({ file: this.#file }, 'keys can be read again');
      this.#failure = undefined;
    } catch (error) {
      const failure = getMessage(error);
      if (failure !== this.#failure) this.#log.error({ error: failure }, 'keys of return paths');
      this.#failure = failure;
    }
  }
}

/** Changes with the file, its owner and mode; empty when there is none. */
function readStamp(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`;
}
