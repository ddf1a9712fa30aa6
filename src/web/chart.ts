/** The numbers of a chart, as browser/desk.js draws them. */
import { SECOND } from '../base/time.ts';
import type { Rise } from '../report/against-limit.ts';

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

/** What was counted, and the limit as a dashed line. */
export function riseToChart({ since, step, values, limit }: Rise, label: string): Chart {
  return {
    times: values.map((_, at) => Math.round((since + (at + 1) * step) / SECOND)),
    series: [
      { label, values },
      ...(limit === undefined
        ? []
        : [{ label: 'limit', values: values.map(() => limit), dash: true }]),
    ],
  };
}
