/** Proposals as text that can be pasted into postern.yaml, and for programs. */
import { escapeControls } from '../base/escape.ts';
import { counted } from '../base/text.ts';
import { DAY, formatDuration, formatMinute } from '../base/time.ts';
import type { Reached } from '../judge/learn/figures.ts';
import type {
  Caught,
  Proposals,
  ProposedLimit,
  ProposedOverride,
  Withheld,
} from '../judge/learn/propose.ts';
import { formatIdentity } from '../model/identity.ts';

const WEEKDAYS = [
  'Sundays',
  'Mondays',
  'Tuesdays',
  'Wednesdays',
  'Thursdays',
  'Fridays',
  'Saturdays',
];
/** Keys that a line names. */
const MOST_NAMED = 10;

/** YAML: the section `overrides`; everything else is a comment. */
export function proposalsToYaml({ overrides, withheld, limits }: Proposals, lines: number): string {
  const out = [
    `# Proposed from ${counted(lines, 'log line')}. Read each line before you paste it into postern.yaml:`,
    '# an override says that so much mail is usual for somebody, and a stolen account may look the same.',
    overrides.length === 0 ? 'overrides: []' : 'overrides:',
    ...overrides.flatMap(overrideLines),
  ];
  if (withheld.length > 0) out.push('# No override is proposed for these, who would be caught:');
  out.push(...withheld.map(withheldLine));
  if (limits.length > 0)
    out.push('# The smallest limits for the files of the rules that catch nobody else:');
  out.push(...limits.map(limitLine));
  return `${out.map(escapeControls).join('\n')}\n`;
}

function overrideLines(override: ProposedOverride): string[] {
  const { rule, key, limit, reached } = override;
  const fields = [
    `rule: ${rule}`,
    `${key.type}: ${JSON.stringify(key.id)}`,
    `limit: ${limit}`,
    `why: ${JSON.stringify(`${describeReached(reached)}; ${describeInvalid(override)}`)}`,
  ];
  return [`  - { ${fields.join(', ')} }`];
}

function withheldLine(withheld: Withheld): string {
  const { key, rule, reached, why } = withheld;
  return `#   ${formatIdentity(key)} (${rule}): ${why}. ${describeReached(reached)}.`;
}

function limitLine({ rule, limit, smallest, caught }: ProposedLimit): string {
  const named = caught
    .slice(0, MOST_NAMED)
    .map(({ key, highest }) => `${formatIdentity(key)} ${highest}`);
  const who = caught.length === 0 ? 'nobody' : named.join(', ');
  const more = caught.length > MOST_NAMED ? ` and ${caught.length - MOST_NAMED} more` : '';
  return `#   ${rule}: limit ${smallest} in ${formatDuration(limit.period)} (now ${limit.limit}) catches ${who}${more}`;
}

/** `2100 in 1h (2026-11-02 08:14), 4200 in 1d (2026-11-02 09:00), reached on 4 Mondays`. */
function describeReached(reached: readonly Reached[]): string {
  const highest = reached.map(
    (one) => `${one.highest} in ${formatDuration(one.limit.period)} (${formatMinute(one.time)})`,
  );
  return `${highest.join(', ')}, reached on ${describeDays(reached)}`;
}

function describeDays(reached: readonly Reached[]): string {
  const days = [...new Set(reached.flatMap((one) => one.days))];
  const weekdays = new Set(days.map((day) => new Date(day * DAY).getUTCDay()));
  const [only] = weekdays;
  if (days.length > 1 && weekdays.size === 1) return `${days.length} ${WEEKDAYS[only as number]}`;
  return counted(days.length, 'day');
}

function describeInvalid({ outcome: { invalid, recipients } }: Caught): string {
  return `${invalid} of ${recipients} recipients do not exist`;
}

/** The same for programs. */
export function proposalsToJson({
  overrides,
  withheld,
  limits,
}: Proposals): Record<string, unknown> {
  const shown = ({ rule, key, reached, outcome }: Caught) => ({
    rule,
    key,
    ...outcome,
    reached: reached.map(({ limit, highest, time, days }) => ({
      limit: limit.limit,
      period: formatDuration(limit.period),
      highest,
      time: new Date(time).toISOString(),
      days: days.length,
    })),
  });
  return {
    overrides: overrides.map((one) => ({ ...shown(one), limit: one.limit })),
    withheld: withheld.map((one) => ({ ...shown(one), why: one.why })),
    limits: limits.map(({ rule, limit, smallest, caught }) => ({
      rule,
      ...limit,
      period: formatDuration(limit.period),
      smallest,
      caught,
    })),
  };
}
