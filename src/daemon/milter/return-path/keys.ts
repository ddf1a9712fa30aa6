/** The key file while the milter runs: read again when it changes; one that cannot be used leaves the last good keys. */
import { ChangedFile } from '../../../base/changed-file.ts';
import { getMessage } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { type Clock, SECOND } from '../../../base/time.ts';
import { readKeyFile } from '../../../sign/key-file.ts';
import { endOfSigning, findSigning, listVerifying } from '../../../sign/keys.ts';
import type { Key } from '../../../sign/scheme.ts';

/** How often to look whether the file has changed, ms. */
const PAUSE = SECOND;

export class KeyRing {
  readonly #changed: ChangedFile<readonly Key[]>;
  readonly #clock: Clock;
  readonly #log: Log;
  #looked = Number.NEGATIVE_INFINITY;
  #failure: string | undefined;

  constructor(file: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#changed = new ChangedFile<readonly Key[]>(file, readKeyFile, []);
    this.#clock = clock;
    this.#log = log;
  }

  /** Undefined when there is none. */
  get signing(): Key | undefined {
    this.#look();
    return findSigning(this.#changed.value);
  }

  get verifying(): readonly Key[] {
    this.#look();
    return listVerifying(this.#changed.value, this.#clock.now());
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
    // One that failed is tried again: a wrong mode is mended without touching the file.
    try {
      this.#changed.look();
      if (this.#failure !== undefined)
        this.#log.info({ file: this.#changed.file }, 'keys can be read again');
      this.#failure = undefined;
    } catch (error) {
      const failure = getMessage(error);
      if (failure !== this.#failure) this.#log.error({ error: failure }, 'keys of return paths');
      this.#failure = failure;
    }
  }
}
