/** What verification has done since the start, by outcome. */
import type { Verdict } from './verdict.ts';

export class Figures {
  readonly #counts = new Map<string, number>();

  count(verdict: Verdict): void {
    const name = nameVerdict(verdict);
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** By name, in alphabetical order: `valid from cache`, `unknown at connect`, `skipped for client`, `not ours`. */
  list(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function nameVerdict(verdict: Verdict): string {
  if (verdict.kind === 'not-ours') return 'not ours';
  if (verdict.kind === 'skipped') return `skipped for ${verdict.why}`;
  return verdict.kind === 'unknown'
    ? `unknown at ${verdict.step}`
    : `${verdict.kind} from ${verdict.from}`;
}
