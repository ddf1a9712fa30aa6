/** The numbers of a chart, as browser/desk.js draws them. */

export interface Chart {
  /** s since the epoch */
  readonly times: readonly number[];
  /** one value for each time */
  readonly series: readonly {
    readonly label: string;
    readonly values: readonly number[];
    readonly dash?: boolean;
  }[];
}
