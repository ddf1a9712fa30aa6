/** A table as a list of terms with what the other columns say of each: that fits every width. */
import type { Token, Tokens } from 'marked';

interface Row {
  /** the first column */
  readonly term: readonly Token[];
  /** the others that are not empty; `label` is the heading of the column, empty where it says nothing */
  readonly parts: readonly { readonly label: string; readonly tokens: readonly Token[] }[];
}

/** Headings of the column that describes the term. */
const PLAIN: ReadonlySet<string> = new Set(['', 'meaning', 'what', 'what happens']);

export function listColumns({ header, rows }: Tokens.Table): Row[] {
  return rows.map(([term, ...cells]) => ({
    term: term?.tokens ?? [],
    parts: cells.flatMap(({ text, tokens }, index) => {
      const heading = header[index + 1]?.text ?? '';
      const label = cells.length === 1 || PLAIN.has(heading) ? '' : `${heading}: `;
      return text === '' ? [] : [{ label, tokens }];
    }),
  }));
}
