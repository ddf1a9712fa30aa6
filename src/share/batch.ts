/** What a host sends to the engine. */

/** How a rule is counted by all hosts together. Times in ms. */
export interface SharedRule {
  readonly name: string;
  readonly distinct: boolean;
  /** LIM and PERIOD */
  readonly limits: readonly (readonly [number, number])[];
}

/** Something that a host counted, a block that began there, or one that was released there. */
export type Row =
  | {
      readonly kind: 'count';
      readonly rule: string;
      readonly key: string;
      readonly time: number;
      readonly member: string;
      /** how long a block would last, ms; 0: until released */
      readonly duration: number;
    }
  | {
      readonly kind: 'block';
      readonly key: string;
      readonly start: number;
      /** 0: until released */
      readonly end: number;
      readonly about: BlockAbout;
    }
  | {
      readonly kind: 'release';
      readonly key: string;
      readonly time: number;
      readonly about?: ReleaseAbout;
    }
  | { readonly kind: 'tidy'; readonly before: number };

/** Why a key is blocked. */
export interface BlockAbout {
  /** the rule, or `manual` */
  readonly rule: string;
  /** these four are absent for a manual block; event time in ms */
  readonly time?: number;
  readonly count?: number;
  readonly limit?: number;
  readonly period?: number;
  /** how much each host counted; absent if one host counted all of it */
  readonly hosts?: Readonly<Record<string, number>>;
  readonly note?: string;
  /** who blocked it by hand */
  readonly who?: string;
}

/** Why a key is released. */
export interface ReleaseAbout {
  /** how it ended on its server: by a command, by a line that was deleted, and so on */
  readonly how?: string;
  readonly who?: string;
}

/** A time this far ahead of the engine's own is clamped, ms: a minute. */
export const SKEW = 60_000;

/** How late an event may be sent and still meet those that other hosts sent in time, ms. */
export const LATENESS = 3_600_000;

/** The batch as the script reads it. `about`: what the other hosts may know of this one. */
export function encodeBatch(
  rows: readonly Row[],
  rules: ReadonlyMap<string, SharedRule>,
  about: object,
): string {
  const used = new Map<string, number>();
  const encoded = rows.flatMap((row) => encodeRow(row, rules, used));
  return JSON.stringify({
    rules: [...used.keys()].map((name) => encodeRule(rules.get(name) as SharedRule)),
    rows: encoded,
    about: JSON.stringify(about),
  });
}

/** Nothing for a rule that is no longer shared. */
function encodeRow(
  row: Row,
  rules: ReadonlyMap<string, SharedRule>,
  used: Map<string, number>,
): unknown[] {
  switch (row.kind) {
    case 'count': {
      if (!rules.has(row.rule)) return [];
      if (!used.has(row.rule)) used.set(row.rule, used.size);
      return [['count', used.get(row.rule), row.key, row.time, row.member, row.duration]];
    }
    case 'block':
      return [['block', row.key, row.start, row.end, JSON.stringify(row.about)]];
    case 'release':
      return [['release', row.key, row.time, JSON.stringify(row.about ?? {})]];
    case 'tidy':
      return [['tidy', row.before]];
  }
}

function encodeRule({ name, distinct, limits }: SharedRule) {
  const periods = limits.map(([, period]) => period);
  return {
    name,
    distinct,
    limits,
    least: Math.min(...limits.map(([limit]) => limit)),
    shortest: Math.min(...periods),
    keep: Math.max(...periods) + LATENESS,
  };
}
