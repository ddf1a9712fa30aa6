/** What each notice tells, in sections. Everything that came from a log is escaped when they are composed. */
import { counted } from '../base/text.ts';
import { formatDuration, formatTime } from '../base/time.ts';
import type { Key, Verdict } from '../model/block.ts';
import type { DoubtedRefusals, Evidence, Measure, Measures } from '../model/evidence.ts';
import { formatIdentity } from '../model/identity.ts';
import {
  type ComposedNotice,
  compose,
  type Row,
  type Section,
  shellQuoted,
  visible,
} from './compose.ts';

/** More evidence than that in one mail nobody reads, and gathering it takes its time. */
export const MAX_DIGEST_DETAILS = 10;

/** The notice about one block. */
export function blockNotice(
  evidence: Evidence,
  measures: Measures,
  measure: Measure = String,
): ComposedNotice {
  const who = identityText(evidence.verdict.key);
  const subject = `[postern] ${who} ${doneText(evidence)}: ${metText(evidence.verdict, measure)}`;
  return compose(subject, buildSections(evidence, measures, measure));
}

function doneText({ block }: Evidence): string {
  if (block === undefined) return 'met a limit, nothing changed';
  return block.released === undefined ? 'blocked' : 'was blocked, is not any more';
}

/** `invalid-recipients, 100 in 1h` */
function metText({ rule, count, period }: Verdict, measure: Measure): string {
  return `${rule}, ${measure(count, rule)} in ${formatDuration(period)}`;
}

function buildSections(evidence: Evidence, measures: Measures, measure: Measure): Section[] {
  return [summary(evidence, measures, measure), ...details(evidence), ...commands(evidence)];
}

/** What came of a verdict. */
type Outcome = Pick<Evidence, 'verdict' | 'block'>;

/** What verdicts came to, each told under a heading of its own. */
interface Kind {
  has(outcome: Outcome): boolean;
  /** of the subject */
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
    count: (blocks) => `${counted(blocks, 'block')} ended again`,
    title: (submitters) => `${were(submitters)} blocked, and not any more`,
  },
  {
    has: ({ block }) => block === undefined,
    count: (limits) => `${counted(limits, 'limit')} met, nothing changed`,
    title: () => 'met a limit, nothing was changed',
  },
];

/** One mail about many verdicts; `parts` with their evidence, of the `others` there is only a line. */
export function digestNotice(
  parts: readonly { evidence: Evidence; measures: Measures }[],
  others: readonly Outcome[] = [],
  measure: Measure = String,
): ComposedNotice {
  const all = [...parts.map(({ evidence }) => evidence), ...others];
  const kinds = KINDS.map((kind) => ({ kind, outcomes: all.filter(kind.has) })).filter(
    ({ outcomes }) => outcomes.length > 0,
  );
  const subject = kinds.map(({ kind, outcomes }) => kind.count(outcomes.length)).join('; ');
  const lists = kinds.map(({ kind, outcomes }) => joinList(kind, outcomes, measure));
  const detailed = parts.slice(0, MAX_DIGEST_DETAILS);
  const details = detailed.flatMap(({ evidence, measures }) =>
    buildSections(evidence, measures, measure),
  );
  const left = all.length - detailed.length;
  const more: Section[] =
    left > 0
      ? [{ title: 'And more', rows: [`${left} more: postern blocks, postern explain ID`] }]
      : [];
  return compose(`[postern] ${subject}`, [...lists, ...details, ...more]);
}

function joinList(kind: Kind, outcomes: readonly Outcome[], measure: Measure): Section {
  const submitters = new Set(outcomes.map(({ verdict }) => identityText(verdict.key))).size;
  return {
    title: `${counted(submitters, 'submitter')} ${kind.title(submitters)}`,
    rows: outcomes.map(
      ({ verdict }) => `${identityText(verdict.key)}: ${metText(verdict, measure)}`,
    ),
  };
}

/** The cap on blocks per hour was met: rules only observe until it is over. */
export function cappedNotice(
  keys: readonly { key: Key; rule: string; time: number }[],
  cap: number,
): ComposedNotice {
  return compose(`[postern] cap of ${cap} blocks an hour reached, ${keys.length} not blocked`, [
    {
      title: 'The cap on blocks per hour is reached',
      rows: [
        `More than ${cap} submitters met a limit within an hour. That many at once are rarely all at fault: a remote`,
        'provider may be refusing good addresses. So these were NOT blocked:',
      ],
    },
    {
      title: 'Not blocked',
      rows: keys.map(({ key, rule, time }) => `${identityText(key)}: ${rule}, ${formatTime(time)}`),
    },
    {
      title: 'What you can do',
      literal: true,
      rows: [
        'postern report --since 2h',
        ...keys.slice(0, 10).map(({ key }) => `postern block ${shellQuoted(identityText(key))}`),
      ],
    },
  ]);
}

/** What is told of a provider that is not believed; times in ms. */
interface SuspectFacts {
  readonly provider: string;
  readonly began: number;
  /** submitters that it refused, of those who were in touch with it */
  readonly refused: number;
  readonly active: number;
  /** percent of submitters that it usually refuses within half an hour */
  readonly usual: number;
  /** whose blocks were ended */
  readonly released: readonly { readonly key: Key }[];
}

/** Providers that refuse good addresses: nobody is blocked because of them while it lasts. */
export function suspectNotice(suspects: readonly SuspectFacts[]): ComposedNotice {
  const names = [...new Set(suspects.map(({ provider }) => provider))];
  return compose(`[postern] ${names.join(', ')} refuses addresses that may exist`, [
    {
      title: 'A provider is suspect, not those who write to it',
      rows: [
        'It says "does not exist" to many submitters at once who usually deliver there. Until it is',
        'back to normal, such refusals of this provider do not count. All others count as before.',
      ],
    },
    ...suspects.flatMap(suspectSections),
  ]);
}

function suspectSections({ provider, began, refused, active, ...rest }: SuspectFacts): Section[] {
  const facts: Section = {
    title: provider,
    rows: [
      ['Found out', formatTime(began)],
      ['Refused', `${refused} of the ${active} submitters who wrote to it just before`],
      ['Usual', `${rest.usual} % of them within half an hour`],
    ],
  };
  if (rest.released.length === 0) return [facts];
  const released: Section = {
    title: 'Blocks that were ended again',
    literal: true,
    rows: rest.released.flatMap(({ key }) => commandsAbout(key)),
  };
  return [facts, released];
}

/** An identity as operators type it; other keys with their type. */
export function identityText(key: Key): string {
  return visible(formatIdentity(key));
}

function summary(evidence: Evidence, measures: Measures, measure: Measure): Section {
  const { verdict, block } = evidence;
  return {
    title: `${identityText(verdict.key)} met the rule ${verdict.rule}`,
    rows: [
      ...(evidence.description === undefined ? [] : [evidence.description]),
      ['Counted', countedText(verdict, measure)],
      ...(evidence.doubted ?? []).map(doubtedRow),
      ['First event', formatTime(evidence.first)],
      ['Last event', formatTime(evidence.last)],
      ...different('Recipients', evidence.recipients),
      ...different('Client addresses', evidence.addresses),
      ...(evidence.senders.length > 0 ? [['Senders', evidence.senders.join(', ')] as const] : []),
      ...(block === undefined
        ? []
        : [['Block', `number ${block.id}, ${untilText(block)}`] as const]),
      ...measures.map((measure) => ['Done', measure] as const),
    ],
  };
}

function untilText({ end, released }: NonNullable<Evidence['block']>): string {
  if (released !== undefined) return `ended ${formatTime(released)}`;
  return end === undefined ? 'until released' : `until ${formatTime(end)}`;
}

function different(title: string, number: number): Row[] {
  return number === 0 ? [] : [[title, `${number} different`]];
}

function countedText({ count, limit, rule, period }: Verdict, measure: Measure): string {
  return `${measure(count, rule)} (limit ${measure(limit, rule)}) in ${formatDuration(period)}`;
}

function doubtedRow(doubted: DoubtedRefusals): readonly [string, string] {
  const { provider, refusals, since, ended } = doubted;
  const until = ended === undefined ? '' : ` to ${formatTime(ended)}`;
  const when = `${ended === undefined ? 'since' : 'from'} ${formatTime(since)}${until}`;
  const text = `${counted(refusals, 'refusal')} by ${provider}, which refused recipients of many submitters at once ${when}`;
  return [doubted.counted ? 'Counted, not believed any more' : 'Not counted', text];
}

function details(evidence: Evidence): Section[] {
  const clients: Section = {
    title: 'Where the mail came from',
    rows: evidence.clients.map(({ address, name, count }) => [
      address,
      `${counted(count, 'event')}${name === undefined ? '' : `, ${name}`}`,
    ]),
  };
  const recipients: Section = {
    title: 'Refused recipients (the latest)',
    rows: evidence.sample.map(({ recipient, reply, relay, reason }) => [
      recipient,
      [reason, reply ?? 'no reply', relay === undefined ? undefined : `from ${relay}`]
        .filter((part) => part !== undefined)
        .join(' - '),
    ]),
  };
  const lines: Section = {
    title: 'Log lines',
    literal: true,
    rows: evidence.lines.map(({ source, line, text }) => `${source}:${line}: ${text}`),
  };
  return [clients, recipients, lines].filter((section) => section.rows.length > 0);
}

function commands({ verdict: { key }, block }: Evidence): Section[] {
  const rows = commandsAbout(key);
  if (block !== undefined && block.released === undefined)
    rows.push(`postern unblock ${shellQuoted(identityText(key))}`);
  return rows.length === 0 ? [] : [{ title: 'Look closer, undo', literal: true, rows }];
}

/** Networks, domains and hosts are no identities, so there is nothing to type; only a submitter has queued mail. */
function commandsAbout(key: Key): string[] {
  const id = shellQuoted(identityText(key));
  switch (key.type) {
    case 'user':
    case 'client':
    case 'uid':
      return [`postern explain ${id}`, `postern queue ${id}`];
    case 'sender':
      return [`postern explain ${id}`];
    default:
      return [];
  }
}
