/** What readers of pages ask for. */

/** Which pages to read: those that may have such events. */
export interface Scope {
  /** ms, inclusive */
  readonly since?: number | undefined;
  /** ms, exclusive */
  readonly until?: number | undefined;
  /** a bit for each kind: `1 << code` */
  readonly kinds?: number | undefined;
  /** numbers of submitters */
  readonly submitters?: readonly number[] | undefined;
  /** a number of an event: only events with greater ones */
  readonly after?: number | undefined;
}

/** As they were stored, or those with the newest event first. */
export type Order = 'stored' | 'newest';
