/** A period of the store as one report: gathered once, shown as text in 80 columns or as JSON. */
import { formatTime } from './base/time.ts';
import type { Nearest } from './judge/judge.ts';
import type { Rule } from './judge/rule.ts';
import { formatIdentity } from './model/address.ts';
import type { SubmitterType } from './model/event.ts';
import { nearMisses } from './near.ts';
import { identityText, visible } from './notify/notice.ts';
import type { StoredBlock } from './store/blocks.ts';
import {
  type AttackerCount,
  type KindCount,
  type RefuserCount,
  ReportQueries,
  type SubmitterCount,
} from './store/report.ts';
import type { Store } from './store/store.ts';
import type { StoredVerdict } from './store/verdicts.ts';
import { type SuspectPeriod, suspectJson, suspectPeriods, suspectText } from './suspects.ts';

export interface Report {
  /** ms */
  readonly since: number;
  readonly until: number;
  readonly kinds: readonly KindCount[];
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** blocks that began or ended in the period, or run */
  readonly blocks: readonly StoredBlock[];
  readonly verdicts: readonly StoredVerdict[];
  /** who came to at least half of a limit that blocks, and not over it */
  readonly near: readonly Nearest[];
  readonly submitters: readonly SubmitterCount[];
  readonly refusers: readonly RefuserCount[];
  readonly attackers: readonly AttackerCount[];
  readonly dsnsSent: number;
  /** providers whose refusals did not count for some of the time */
  readonly suspects: readonly SuspectPeriod[];
}

const MOST = 10;
const WIDTH = 80;

/** How many submitters are looked at for having come near. */
const CANDIDATES = 30;

/** Everything that happened from `since` to `until`, ms. */
export function gatherReport(
  store: Store,
  rules: readonly Rule[],
  since: number,
  until: number,
): Report {
  const queries = new ReportQueries(store.db, since, until);
  const submitters = queries.submitters(CANDIDATES);
  const { kinds, reasons } = queries.totals();
  return {
    since,
    until,
    kinds,
    reasons,
    blocks: store.blocks
      .history(10_000)
      .filter(
        ({ start, released }) => start < until && (released === undefined || released >= since),
      )
      .reverse(),
    verdicts: store.verdicts.between(since, until).filter(({ outcome }) => outcome !== 'blocked'),
    near: nearMisses(store, rules, submitters, { since, until }),
    submitters: submitters.slice(0, MOST),
    refusers: queries.refusers(MOST),
    attackers: queries.attackers(MOST),
    dsnsSent: kinds.find(({ kind }) => kind === 'dsn-sent')?.count ?? 0,
    suspects: suspectPeriods(store).filter(
      ({ began, ended }) => began < until && (ended === undefined || ended >= since),
    ),
  };
}

/** The report with times as RFC 3339. */
export function reportJson(report: Report): Record<string, unknown> {
  const { since, until, blocks, verdicts, suspects, near, ...rest } = report;
  return {
    since: formatTime(since),
    until: formatTime(until),
    ...rest,
    blocks: blocks.map((block) => ({
      ...block,
      start: formatTime(block.start),
      ...(block.end === undefined ? {} : { end: formatTime(block.end) }),
      ...(block.released === undefined ? {} : { released: formatTime(block.released) }),
    })),
    verdicts: verdicts.map(({ verdict, outcome }) => ({
      ...verdict,
      time: formatTime(verdict.time),
      outcome,
    })),
    near: near.map((one) => ({ ...one, time: formatTime(one.time) })),
    suspects: suspects.map(suspectJson),
  };
}

/** The report as text, no line longer than 80 characters. */
export function reportText(report: Report): string {
  const parts = [
    [`Postern report, ${formatTime(report.since)} to ${formatTime(report.until)}`],
    section('Mail', totals(report)),
    section('Blocks', report.blocks.map(blockLine), 'None.'),
    section('Came near a limit', report.near.map(nearLine), 'Nobody.'),
    section('Met a limit, not blocked', verdictLines(report.verdicts), 'Nobody.'),
    section('Most invalid recipients by submitter', submitterLines(report.submitters), 'None.'),
    section('Who refuses our mail, and why', report.refusers.flatMap(refuserLines), 'Nobody.'),
    ...(report.suspects.length === 0 ? [] : [suspectSection(report.suspects)]),
    section('Refused from outside, by client', report.attackers.map(attackerLine), 'Nothing.'),
    section('Delivery status notifications', [`${report.dsnsSent} sent`]),
  ];
  return `${parts.map((lines) => lines.map(fit).join('\n')).join('\n\n')}\n`;
}

function section(title: string, lines: readonly string[], empty = ''): string[] {
  return [title, '-'.repeat(title.length), ...(lines.length === 0 ? [empty] : lines)];
}

function fit(line: string): string {
  const text = visible(line);
  return text.length <= WIDTH ? text : `${text.slice(0, WIDTH - 3)}...`;
}

function totals({ kinds, reasons }: Report): string[] {
  if (kinds.length === 0) return ['No mail was seen.'];
  return [
    columns(kinds.map(({ kind, count }) => `${kind} ${count}`)),
    ...(reasons.length === 0
      ? []
      : [
          '',
          'Refusals by reason:',
          columns(reasons.map(({ reason, count }) => `${reason} ${count}`)),
        ]),
  ].flatMap((text) => text.split('\n'));
}

/** Words side by side, three to a line. */
function columns(words: readonly string[]): string {
  const lines: string[] = [];
  for (let index = 0; index < words.length; index += 3) {
    lines.push(
      `  ${words
        .slice(index, index + 3)
        .map((word) => word.padEnd(25))
        .join(' ')}`.trimEnd(),
    );
  }
  return lines.join('\n');
}

function blockLine(block: StoredBlock): string {
  const ended =
    block.released === undefined ? 'runs' : `${block.releasedBy} ${shortTime(block.released)}`;
  return `  ${identityText(block.key)}  ${block.cause}, ${shortTime(block.start)}, ${ended}`;
}

/** One line for a rule and key, however often it was met. */
function verdictLines(verdicts: readonly StoredVerdict[]): string[] {
  const lines = new Map<string, { times: number; highest: number; last: StoredVerdict }>();
  for (const stored of verdicts) {
    const key = `${stored.verdict.rule} ${stored.verdict.key.type} ${stored.verdict.key.id}`;
    const known = lines.get(key);
    lines.set(key, {
      times: (known?.times ?? 0) + 1,
      highest: Math.max(known?.highest ?? 0, stored.verdict.count),
      last: stored,
    });
  }
  return [...lines.values()]
    .slice(0, 4 * MOST)
    .map(({ times, highest, last: { verdict, outcome } }) => {
      const often = times === 1 ? '' : `, ${times} times`;
      return `  ${identityText(verdict.key)}  ${verdict.rule} ${highest}/${verdict.limit} (${outcome}${often})`;
    });
}

function nearLine({ key, rule, highest, limit, time }: Nearest): string {
  return `  ${identityText(key)}  ${rule} ${highest}/${limit}, ${shortTime(time)}`;
}

function submitterLines(submitters: readonly SubmitterCount[]): string[] {
  if (submitters.length === 0) return [];
  const rows = submitters.map(({ type, id, invalid, recipients, clients }) => {
    const share =
      recipients === 0 ? '' : `${Math.min(100, Math.round((100 * invalid) / recipients))} %`;
    return `${String(invalid).padStart(8)} ${String(recipients).padStart(11)} ${share.padStart(6)} ${String(clients).padStart(8)}  ${formatIdentity({ type: type as SubmitterType, id })}`;
  });
  return [' invalid  recipients  share  clients  submitter', ...rows];
}

function refuserLines({ host, reason, count, reply }: RefuserCount): string[] {
  return [`${String(count).padStart(8)}  ${host}: ${reason}`, `          ${reply ?? ''}`];
}

function attackerLine({ address, name, invalid, auth, rejected }: AttackerCount): string {
  const what = [`${invalid} unknown recipients`, `${auth} failed logins`, `${rejected} refused`];
  return `  ${address}${name === undefined || name === null ? '' : ` (${name})`}  ${what.join(', ')}`;
}

function suspectSection(suspects: readonly SuspectPeriod[]): string[] {
  const lines = suspects.map((suspect) => `  ${suspectText(suspect)}`);
  return section('Refusals that did not count: the provider was suspect', lines);
}

function shortTime(ms: number): string {
  return `${formatTime(ms).slice(0, 16).replace('T', ' ')}Z`;
}
