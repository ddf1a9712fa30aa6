/** The fields of a rule file and what is expected of each. `contradictions` checks what two fields mean together. */
import type { z } from 'zod';
import {
  choice,
  duration,
  field,
  list,
  readDuration,
  readWhole,
  section,
  truth,
  whole,
} from '../base/fields.ts';
import { DAY, HOUR } from '../base/time.ts';
import { canonicalIp, parseNetwork } from '../model/address.ts';
import { KEY_TYPES } from '../model/block.ts';
import { EVENT_KINDS, REASONS } from '../model/event.ts';
import { NEW_KINDS } from '../model/usual.ts';

/** Named sets, besides the event kinds and reasons. */
const NAMED_COUNTS = ['invalid', 'recipients', 'messages', 'logins', 'backscatter'] as const;
/** A rehearsal refuses nothing, so nobody is judged by it. */
const COUNTED_KINDS = EVENT_KINDS.filter((kind) => kind !== 'rehearsed');
const COUNTS = [...NAMED_COUNTS, ...COUNTED_KINDS, ...REASONS] as const;
const DISTINCT = ['recipient', 'client', 'client-net', 'client-wide-net'] as const;

const MAX_LIMIT = 1_000_000;
/** A window keeps one entry for each of its values, so distinct limits are smaller. */
const MAX_DISTINCT = 10_000;
const MAX_PERIOD = 31 * DAY;
const MAX_DURATION = 3650 * DAY;

const UNTIL_RELEASED = 'until-released';
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

function text(expected: string, accept: (value: string) => boolean = () => true) {
  return field(expected, (value) =>
    typeof value === 'string' && value.trim() !== '' && accept(value) ? value.trim() : undefined,
  );
}

function timeSpan(most: number, examples: string) {
  return duration(`a duration of at most ${most / DAY} days, such as ${examples}`, most);
}

const blockTime = field(`${UNTIL_RELEASED} or a duration, such as 1h or 1d`, (value) =>
  value === UNTIL_RELEASED ? value : readDuration(value, MAX_DURATION),
);

const PERCENT = /^(?:100|[1-9][0-9]?)%$/;

const limit = field(
  `a whole number from 1 to ${MAX_LIMIT}, or a percentage such as 25% beside ratio-of`,
  (value): number | string | undefined => {
    if (typeof value === 'string') return PERCENT.test(value) ? value : undefined;
    return readWhole(value, MAX_LIMIT);
  },
);
const percent = field('a percentage from 1% to 100%', (value) =>
  typeof value === 'string' && PERCENT.test(value) ? Number.parseInt(value, 10) : undefined,
);
const period = timeSpan(MAX_PERIOD, '10m, 1h or 1d');

const WORD = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

function isMailAddress(value: string): boolean {
  const at = value.lastIndexOf('@');
  return at > 0 && isDomain(value.slice(at + 1));
}

function isDomain(value: string): boolean {
  return /^[^\s@/]+\.[^\s@/.]+$/.test(value) && canonicalIp(value) === undefined;
}

const exceptSchema = section(
  {
    users: list(text('a login name such as alice@example.net'), 'a list of login names').optional(),
    addresses: list(
      text('a mail address such as list@example.net', isMailAddress),
      'a list of mail addresses',
    ).optional(),
    networks: list(
      text(
        'a network or address such as 192.0.2.0/24',
        (value) => parseNetwork(value) !== undefined,
      ),
      'a list of networks',
    ).optional(),
    domains: list(text('a domain such as example.net', isDomain), 'a list of domains').optional(),
  },
  'a mapping of users, addresses, networks, domains',
);

/** A client by address or network, or a local account as `uid:33`. */
function isGateway(value: string): boolean {
  return /^uid:[^\s:]+$/.test(value) || parseNetwork(value) !== undefined;
}

const limitSchema = section({ limit, period }, 'a mapping of limit and period');

const usualSchema = section(
  {
    times: field('a number from 1 to 1000, such as 5 or 2.5', (value) =>
      typeof value === 'number' && value >= 1 && value <= 1000 ? value : undefined,
    ),
    new: choice(NEW_KINDS).optional(),
    asleep: field('a number of days from 1d to 365d', (value) => {
      const time = readDuration(value, 365 * DAY);
      return time !== undefined && time % DAY === 0 ? time : undefined;
    }).optional(),
    history: timeSpan(MAX_PERIOD, '7d or 14d').optional(),
  },
  'a mapping of times, new, asleep, history',
);

/** A rule file as it is written. Every field is described, with an example, in docs/rules.md. */
export const ruleSchema = section(
  {
    name: text(
      'a name of small letters, digits and hyphens; manual is taken',
      (value) => WORD.test(value) && value !== 'manual',
    ),
    description: text('a sentence that says what the rule finds').optional(),
    reason: text('a text that says why the numbers are what they are').optional(),
    source: text('a text that says where the numbers come from').optional(),
    count: choice(COUNTS),
    per: choice(['submitter', ...KEY_TYPES]),
    limit: limit.optional(),
    period: period.optional(),
    limits: list(limitSchema, 'a list of limits, each with limit and period')
      .min(1, { error: 'at least one limit' })
      .max(8, { error: 'at most 8 limits' })
      .optional(),
    action: choice(['block', 'observe', 'defer']),
    for: blockTime.optional(),
    escalation: list(blockTime, 'a list such as [1d, until-released]')
      .min(1, { error: 'at least one duration' })
      .max(8, { error: 'at most 8 durations' })
      .optional(),
    'ends-with': choice(['password-changed']).optional(),
    distinct: choice(DISTINCT).optional(),
    'ratio-of': choice(['recipients']).optional(),
    'at-least': whole(MAX_DISTINCT).optional(),
    'at-least-share': percent.optional(),
    'most-per-domain': percent.optional(),
    'most-per-host': percent.optional(),
    usual: usualSchema.optional(),
    direction: choice(['outbound', 'inbound', 'local']).optional(),
    'null-sender': truth.optional(),
    except: exceptSchema.optional(),
    'free-senders': list(
      text('a network, an address or an account such as 10.0.0.0/8 or uid:33', isGateway),
      'a list of networks, addresses and accounts',
    ).optional(),
    fresh: timeSpan(MAX_DURATION, '10m, 1h or 1d').optional(),
    notify: truth.optional(),
    enabled: truth.optional(),
    text: text(
      'one line of at most 200 printable ASCII characters',
      (value) => value.length <= 200 && /^[\x21-\x7e][\x20-\x7e]*$/.test(value),
    ).optional(),
  },
  'a mapping of rule fields',
);

/** The fields of a file that passed the schema. */
export type RuleFields = z.output<typeof ruleSchema>;

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
