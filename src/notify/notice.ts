/** Notices about verdicts: one verdict with its evidence, or a digest of many. */
import { counted } from '../base/text.ts';
import { formatDuration } from '../base/time.ts';
import type { Verdict } from '../model/block.ts';
import type { Evidence, Measures, ValueFormat } from '../model/evidence.ts';
import { formatIdentity } from '../model/identity.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import { type ComposedNotice, compose, type Section } from './compose.ts';
import { buildEvidenceSections } from './evidence.ts';

/** Nobody reads more evidence than this in one mail, and gathering it takes time. */
export const MAX_DIGEST_DETAILS = 10;

/** The notice about one verdict. */
export function blockNotice(
  evidence: Evidence,
  measures: Measures,
  formatValue: ValueFormat = String,
  style = PLAIN_STYLE,
): ComposedNotice {
  const { verdict } = evidence;
  const what = `${style.target(verdict)} ${describeResult(evidence)}`;
  return compose(
    `${what}: ${describeLimit(verdict, formatValue)}`,
    buildEvidenceSections(evidence, measures, formatValue, style),
    style,
  );
}

function describeResult({ block, verdict }: Evidence): string {
  if (verdict.action === 'defer') return 'is put off';
  if (block === undefined) return 'met a limit, nothing changed';
  return block.released === undefined ? 'blocked' : 'was blocked, now released';
}

/** `invalid-recipients, 100 in 1h` */
function describeLimit({ rule, count, period }: Verdict, formatValue: ValueFormat): string {
  return `${rule}, ${formatValue(count, rule)} in ${formatDuration(period)}`;
}

/** A verdict and the block that followed from it, if one did. */
type Outcome = Pick<Evidence, 'verdict' | 'block'>;

/** Verdicts with the same result. Each kind has its own heading in a digest. */
interface Kind {
  has(outcome: Outcome): boolean;
  /** for the subject */
  count(verdicts: number): string;
  /** follows a number of submitters */
  title(submitters: number): string;
}

const were = (number: number) => (number === 1 ? 'was' : 'were');

const KINDS: readonly Kind[] = [
  {
    has: ({ block }) => block !== undefined && block.released === undefined,
    count: (blocks) => counted(blocks, 'block'),
    title: (submitters) => `${were(submitters)} blocked`,
  },
  {
    has: ({ block }) => block?.released !== undefined,
    count: (blocks) => `${counted(blocks, 'block')} released`,
    title: (submitters) => `${were(submitters)} blocked, now released`,
  },
  {
    has: ({ verdict }) => verdict.action === 'defer',
    count: (limits) => `${counted(limits, 'submitter')} put off`,
    title: (submitters) => `${were(submitters)} put off`,
  },
  {
    has: ({ block, verdict }) => block === undefined && verdict.action !== 'defer',
    count: (limits) => `${counted(limits, 'limit')} met, nothing changed`,
    title: () => 'met a limit, nothing was changed',
  },
];

/** One mail about many verdicts: `parts` with their evidence, one line for each of `others`. */
export function digestNotice(
  parts: readonly { evidence: Evidence; measures: Measures }[],
  others: readonly Outcome[] = [],
  formatValue: ValueFormat = String,
  style = PLAIN_STYLE,
): ComposedNotice {
  const all = [...parts.map(({ evidence }) => evidence), ...others];
  const kinds = KINDS.map((kind) => ({ kind, outcomes: all.filter(kind.has) })).filter(
    ({ outcomes }) => outcomes.length > 0,
  );
  const subject = kinds.map(({ kind, outcomes }) => kind.count(outcomes.length)).join('; ');
  const lists = kinds.map(({ kind, outcomes }) => buildList(kind, outcomes, formatValue, style));
  const detailed = parts.slice(0, MAX_DIGEST_DETAILS);
  const details = detailed.flatMap(({ evidence, measures }) =>
    buildEvidenceSections(evidence, measures, formatValue, style),
  );
  const rest = buildRest(all.length - detailed.length);
  return compose(subject, [...lists, ...details, ...rest], style);
}

function buildList(
  kind: Kind,
  outcomes: readonly Outcome[],
  formatValue: ValueFormat,
  style: Style,
): Section {
  const submitters = new Set(outcomes.map(({ verdict }) => formatIdentity(verdict.key))).size;
  return {
    title: `${counted(submitters, 'submitter')} ${kind.title(submitters)}`,
    rows: outcomes.map(
      ({ verdict }) => `${style.target(verdict)}: ${describeLimit(verdict, formatValue)}`,
    ),
  };
}

function buildRest(number: number): Section[] {
  if (number <= 0) return [];
  return [
    { title: 'Without details', rows: [`${number} more: postern blocks, postern explain ID`] },
  ];
}
