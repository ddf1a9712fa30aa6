/** A table of a report, whatever it is about. */

export interface Table {
  /** for `--table` and addresses: letters and hyphens */
  readonly name: string;
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly Row[];
  /** what is shown when there are no rows */
  readonly empty: string;
  /** as text, a cell that is longer than a line continues below: what is lost by a cut matters here */
  readonly isWhole?: boolean;
}

/** The cells of a row. Text is not escaped yet. */
export type Row = readonly (string | number)[];
