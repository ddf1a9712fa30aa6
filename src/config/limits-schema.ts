/** The options about limits: `preset`, `hours`, `overrides`. What they mean for a rule is in src/judge/limits.ts. */
import { z } from 'zod';
import { choice, duration, field, list, readWhole, section } from '../base/fields.ts';
import { isZone } from '../base/time.ts';
import type { Problem, YamlFile } from '../base/yaml.ts';
import type { Weekday } from '../judge/hours.ts';
import type { OverrideLimit } from '../judge/overrides.ts';
import { makeOverrideKey, type OverrideKey } from '../model/override-key.ts';
import { PRESETS } from '../model/preset.ts';
import { account, network, path, shown, text } from './option.ts';

export const preset = choice(PRESETS).optional();

const clock = field('a time of day such as 22:00', (value) => {
  const [, hours, minutes] =
    typeof value === 'string' ? (/^([01]?\d|2[0-3]):([0-5]\d)$/.exec(value) ?? []) : [];
  return hours === undefined ? undefined : 60 * Number(hours) + Number(minutes);
});

const FACTOR = 'a number above 0 and at most 1, such as 0.5';
const factor = z
  .number({ error: FACTOR })
  .refine((value) => value > 0 && value <= 1, { error: FACTOR });

const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

export const hours = section({
  zone: shown(
    text('a time zone such as Europe/Berlin or +01:00', isZone)
      .optional()
      .describe('The time zone of `night` and `weekend`.'),
    'the zone of this host',
  ),
  night: shown(
    section({
      from: clock.describe('When it begins, such as `22:00`.'),
      to: clock.describe('When it ends, such as `06:00`.'),
      factor: factor.describe('The part of each limit that holds at night, such as `0.5`.'),
    }).optional(),
    'none',
  ),
  weekend: shown(
    section({
      days: list(choice(WEEKDAYS), 'a list of days such as [sat, sun]')
        .default(['sat', 'sun'])
        .describe('Whole days, from 00:00 to 24:00.'),
      factor: factor.describe('The part of each limit that holds on these days.'),
    }).optional(),
    'none',
  ),
});

export function numberDays(days: readonly (typeof WEEKDAYS)[number][]): Weekday[] {
  return days.map((day) => WEEKDAYS.indexOf(day) as Weekday);
}

const MOST_LIMIT = 1_000_000;

const limit = field(
  `a whole number from 1 to ${MOST_LIMIT}, or a percentage such as 30%`,
  (value): OverrideLimit | undefined => {
    if (typeof value === 'string' && /^(?:100|[1-9]\d?)%$/.test(value))
      return { limit: Number.parseInt(value, 10), isPercent: true };
    const number = readWhole(value, MOST_LIMIT);
    return number === undefined ? undefined : { limit: number, isPercent: false };
  },
);

const entry = section(
  {
    file: path.optional(),
    rule: text('the name of a rule').optional(),
    user: text('a login name').optional(),
    domain: text('a domain such as example.net', (value) => /^@?[^\s@/]+$/.test(value)).optional(),
    list: text('a mail address such as news@example.net', (value) =>
      /^[^\s@]+@[^\s@]+$/.test(value),
    ).optional(),
    client: network.optional(),
    uid: account.optional(),
    limit: limit.optional(),
    exempt: z.literal(true, { error: 'true' }).optional(),
    period: duration('a duration such as 1h').optional(),
    why: text('a sentence that says why').optional(),
  },
  'a mapping of user (or domain, list, client, uid), limit (or exempt) and why, or of file',
);

/** A list; one file alone needs none. */
export const overrides = z.preprocess(
  (value) => (isFileAlone(value) ? [value] : value),
  list(entry, 'a list of overrides, or a section with file'),
);

function isFileAlone(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type RawOverride = z.output<typeof entry>;

const WHO = ['user', 'domain', 'list', 'client', 'uid'] as const;

/** The one that an override is for; undefined if it names none, or several. */
export function readOverrideKey(raw: RawOverride): OverrideKey | undefined {
  const named = WHO.filter((type) => raw[type] !== undefined);
  const [type] = named;
  if (type === undefined || named.length > 1) return undefined;
  const key = makeOverrideKey(type, raw[type] ?? '');
  return typeof key === 'string' ? undefined : key;
}

/** What contradicts itself in the limits although each option alone is right. */
export function findLimitContradictions(
  raw: {
    readonly hours?: z.output<typeof hours> | undefined;
    readonly overrides: readonly RawOverride[];
  },
  yaml: YamlFile,
): Problem[] {
  const { night } = raw.hours ?? {};
  return [
    ...(night !== undefined && night.from === night.to
      ? [yaml.problem(['hours', 'night', 'to'], 'expected another time than in from')]
      : []),
    ...raw.overrides.flatMap((override, index) => {
      const text = findContradiction(override);
      return text === undefined ? [] : [yaml.problem(['overrides', index], text)];
    }),
  ];
}

function findContradiction(override: RawOverride): string | undefined {
  const { file, limit: number, exempt } = override;
  const others = Object.keys(override).filter((name) => name !== 'file');
  if (file !== undefined)
    return others.length === 0 ? undefined : `expected nothing beside file, found ${others[0]}`;
  if (readOverrideKey(override) === undefined)
    return `expected exactly one of ${WHO.join(', ')}, or file`;
  if ((number === undefined) === (exempt === undefined))
    return 'expected either limit or exempt: true';
  return undefined;
}
