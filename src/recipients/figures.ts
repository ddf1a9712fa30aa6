/** What verification has done since the start, by outcome. */
import type { Verdict } from './verdict.ts';

export class Figures {
  /** by kind, then by what distinguishes verdicts of a kind: no name is put together for each verdict */
  readonly #counts = new Map<Verdict['kind'], Map<string, number>>();

  count(verdict: Verdict): void {
    const counts = this.#countsOf(verdict.kind);
    const detail = detailOf(verdict);
    counts.set(detail, (counts.get(detail) ?? 0) + 1);
  }

  #countsOf(kind: Verdict['kind']): Map<string, number> {
    const known = this.#counts.get(kind);
    if (known !== undefined) return known;
    const made = new Map<string, number>();
    this.#counts.set(kind, made);
    return made;
  }

  /** By name, in alphabetical order: `valid from cache`, `unknown at connect`, `skipped for client`, `not ours`. */
  list(): Readonly<Record<string, number>> {
    const named = [...this.#counts].flatMap(([kind, counts]) =>
      [...counts].map(([detail, count]) => [nameCount(kind, detail), count] as const),
    );
    return Object.fromEntries(named.sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

function detailOf(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'not-ours':
      return '';
    case 'skipped':
      return verdict.why;
    case 'unknown':
      return verdict.step;
    default:
      return verdict.from;
  }
}

function nameCount(kind: Verdict['kind'], detail: string): string {
  if (kind === 'not-ours') return 'not ours';
  if (kind === 'skipped') return `skipped for ${detail}`;
  return kind === 'unknown' ? `unknown at ${detail}` : `${kind} from ${detail}`;
}
