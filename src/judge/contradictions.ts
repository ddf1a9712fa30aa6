/** What two fields of a rule file cannot mean together, although each alone is right. `schema.ts` has the fields. */
import { readDuration } from '../base/fields.ts';
import { DAY, HOUR } from '../base/time.ts';
import { REASONS } from '../model/event.ts';
import { COUNTS, DISTINCT, MAX_DISTINCT, MAX_PERIOD, PERCENT, UNTIL_RELEASED } from './schema.ts';

/** Keys that a target can block; the others can only be observed. */
const BLOCKABLE = ['submitter', 'user', 'client', 'uid', 'sender'];
/** Keys whose account has a password, or may have one. */
const HAS_PASSWORD: ReadonlySet<unknown> = new Set(['submitter', 'user', 'uid']);
const NOT_BLOCKABLE: ReadonlySet<unknown> = new Set([
  'client-net',
  'sender-domain',
  'recipient',
  'host',
]);

/** Counts whose opposite is a delivery. */
export const REFUSALS: ReadonlySet<unknown> = new Set(['invalid', ...REASONS]);

/** A problem with a value, and the path to it from the top of the file. */
interface Finding {
  readonly path: readonly PropertyKey[];
  readonly text: string;
}

type Raw = Readonly<Record<string, unknown>>;

/**
 * Fields that contradict each other, although each alone may be right. `raw` is the file before the schema has checked
 * it. A value that the schema refuses contradicts nothing.
 */
export function contradictions(raw: Raw): Finding[] {
  return [
    ...limitFindings(raw),
    ...measureFindings(raw),
    ...boundFindings(raw),
    ...usualFindings(raw),
    ...actionFindings(raw),
  ];
}

function limitFindings(raw: Raw): Finding[] {
  if ('limits' in raw) {
    return ['limit', 'period']
      .filter((key) => key in raw)
      .map((key) => ({
        path: [key],
        text: 'expected either limits or limit and period, not both',
      }));
  }
  return ['limit', 'period']
    .filter((key) => !(key in raw))
    .map((key) => ({ path: [key], text: `expected ${key} (or limits), found nothing` }));
}

function measureFindings(raw: Raw): Finding[] {
  const findings: Finding[] = [];
  const ratio = 'ratio-of' in raw;
  for (const [path, value] of countLimits(raw)) {
    const percent = typeof value === 'string' && PERCENT.test(value);
    if (percent && !ratio)
      findings.push({ path, text: 'expected a number; a percentage needs ratio-of' });
    if (typeof value === 'number' && ratio && value > 100)
      findings.push({ path, text: 'expected a percentage such as 25% beside ratio-of' });
    if ('distinct' in raw && typeof value === 'number' && value > MAX_DISTINCT) {
      findings.push({ path, text: `expected at most ${MAX_DISTINCT} beside distinct` });
    }
  }
  if (ratio && 'distinct' in raw) {
    findings.push({ path: ['distinct'], text: 'expected either distinct or ratio-of, not both' });
  }
  if (raw.count === 'recipients' && (ratio || 'distinct' in raw)) {
    const text = 'expected events to count; recipients are added up, without distinct or ratio-of';
    findings.push({ path: ['count'], text });
  }
  if ('at-least' in raw && !ratio && !('distinct' in raw)) {
    findings.push({ path: ['at-least'], text: 'expected distinct or ratio-of beside at-least' });
  }
  return findings;
}

function boundFindings(raw: Raw): Finding[] {
  const findings: Finding[] = [];
  const isOtherCount = oneOfWords(COUNTS, raw.count) && !REFUSALS.has(raw.count);
  if ('at-least-share' in raw && ('ratio-of' in raw || isOtherCount)) {
    const text = 'expected count: invalid or a reason beside at-least-share, and no ratio-of';
    findings.push({ path: ['at-least-share'], text });
  }
  const isOtherDistinct = !('distinct' in raw) || oneOfWords(DISTINCT, raw.distinct);
  for (const key of ['most-per-domain', 'most-per-host']) {
    if (key in raw && isOtherDistinct && raw.distinct !== 'recipient') {
      findings.push({ path: [key], text: `expected distinct: recipient beside ${key}` });
    }
  }
  return findings;
}

const USUAL_COUNTS: readonly unknown[] = ['recipients', 'logins', 'accepted', 'delivered'];
/** Strangers choose all other keys, and could fill the memory with them. */
const USUAL_KEYS: readonly unknown[] = ['submitter', 'user', 'client', 'uid'];
const NOT_BESIDE_USUAL = [
  ...['distinct', 'ratio-of', 'at-least', 'at-least-share'],
  ...['most-per-domain', 'most-per-host'],
];

function usualFindings(raw: Raw): Finding[] {
  const { usual } = raw;
  if (typeof usual !== 'object' || usual === null) return [];
  const findings: Finding[] = [];
  const add = (path: PropertyKey[], text: string) => findings.push({ path, text });
  if ('new' in usual && 'asleep' in usual)
    add(['usual', 'asleep'], 'expected either new or asleep, not both');
  if (oneOfWords(COUNTS, raw.count) && !USUAL_COUNTS.includes(raw.count))
    add(['count'], `expected one of ${USUAL_COUNTS.join(', ')} beside usual`);
  if (typeof raw.per === 'string' && !USUAL_KEYS.includes(raw.per))
    add(['per'], `expected one of ${USUAL_KEYS.join(', ')} beside usual`);
  for (const key of NOT_BESIDE_USUAL) {
    if (key in raw) add([key], `expected no ${key} beside usual`);
  }
  for (const [path, value] of listPeriods(raw)) {
    const period = readDuration(value, MAX_PERIOD);
    if (period !== undefined && period !== HOUR && period !== DAY)
      add(path, 'expected 1h or 1d beside usual');
  }
  return findings;
}

/** Every period of the file, with the path to it. */
function listPeriods(raw: Raw): [path: PropertyKey[], value: unknown][] {
  if (!Array.isArray(raw.limits)) return [[['period'], raw.period]];
  return raw.limits.map((item: unknown, index) => {
    const period = typeof item === 'object' && item !== null && 'period' in item && item.period;
    return [['limits', index, 'period'], period];
  });
}

function oneOfWords(values: readonly unknown[], value: unknown): boolean {
  return values.includes(value);
}

/** Every limit of the file that has the right form, with the path to it. */
function countLimits(raw: Raw): [path: PropertyKey[], value: unknown][] {
  if (!Array.isArray(raw.limits)) return 'limit' in raw ? [[['limit'], raw.limit]] : [];
  return raw.limits.flatMap((item: unknown, index) =>
    typeof item === 'object' && item !== null && 'limit' in item
      ? [[['limits', index, 'limit'], item.limit] as [PropertyKey[], unknown]]
      : [],
  );
}

/** What a rule that defers cannot have: it counts requests, about which nothing else is known yet. */
const NOT_DEFERRED = [
  ...['for', 'escalation', 'distinct', 'ratio-of', 'at-least', 'at-least-share'],
  ...['most-per-domain', 'most-per-host', 'direction', 'null-sender', 'free-senders', 'fresh'],
];

function deferFindings(raw: Raw): Finding[] {
  if (raw.action !== 'defer') {
    const text = 'expected action: defer beside text';
    return 'text' in raw ? [{ path: ['text'], text }] : [];
  }
  const findings: Finding[] = [];
  if (raw.count !== 'recipients' && oneOfWords(COUNTS, raw.count))
    findings.push({ path: ['count'], text: 'expected recipients beside action: defer' });
  if (raw.per !== 'user' && typeof raw.per === 'string')
    findings.push({ path: ['per'], text: 'expected user beside action: defer' });
  for (const key of NOT_DEFERRED) {
    if (key in raw) findings.push({ path: [key], text: `expected no ${key} beside action: defer` });
  }
  return findings;
}

function actionFindings(raw: Raw): Finding[] {
  const findings = deferFindings(raw);
  if (raw.action === 'block' && NOT_BLOCKABLE.has(raw.per)) {
    const text = `expected observe: a ${raw.per} cannot be blocked, only ${BLOCKABLE.join(', ')}`;
    findings.push({ path: ['action'], text });
  }
  if ('ends-with' in raw && (raw.action !== 'block' || !HAS_PASSWORD.has(raw.per))) {
    const text = 'expected action: block and per submitter, user or uid beside ends-with';
    findings.push({ path: ['ends-with'], text });
  }
  if ('escalation' in raw && (raw.for === undefined || raw.for === UNTIL_RELEASED)) {
    const text = 'expected a duration in for: what lasts until released cannot grow';
    findings.push({ path: ['escalation'], text });
  }
  return findings;
}
