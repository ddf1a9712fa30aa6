/** The fields of a rule file and what is expected of each. `contradictions.ts` checks what two fields mean together. */
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
import { DAY } from '../base/time.ts';
import { canonicalIp, parseNetwork } from '../model/address.ts';
import { KEY_TYPES } from '../model/block.ts';
import { EVENT_KINDS, REASONS } from '../model/event.ts';
import { NEW_KINDS } from '../model/usual.ts';

/** Named sets, besides the event kinds and reasons. */
const NAMED_COUNTS = ['invalid', 'recipients', 'messages', 'logins', 'backscatter'] as const;
/** A rehearsal refuses nothing, so nobody is judged by it. */
const COUNTED_KINDS = EVENT_KINDS.filter((kind) => kind !== 'rehearsed');
export const COUNTS = [...NAMED_COUNTS, ...COUNTED_KINDS, ...REASONS] as const;
export const DISTINCT = ['recipient', 'client', 'client-net', 'client-wide-net'] as const;

const MAX_LIMIT = 1_000_000;
/** A window keeps one entry for each of its values, so distinct limits are smaller. */
export const MAX_DISTINCT = 10_000;
export const MAX_PERIOD = 31 * DAY;
const MAX_DURATION = 3650 * DAY;

export const UNTIL_RELEASED = 'until-released';

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

export const PERCENT = /^(?:100|[1-9][0-9]?)%$/;

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
