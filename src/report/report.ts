/** A period of the store as one report: gathered once, shown as text in 80 columns, as JSON, or as HTML (report-html.ts). */
import { dropUndefined } from '../base/defined.ts';
import { formatTime } from '../base/time.ts';
import type { Nearest } from '../judge/judge.ts';
import type { Rule } from '../judge/rule.ts';
import type { SubmitterType } from '../model/event.ts';
import type { Measure } from '../model/evidence.ts';
import { formatIdentity } from '../model/identity.ts';
import { visible } from '../notify/compose.ts';
import { identityText } from '../notify/notice.ts';
import type { StoredBlock } from '../store/blocks.ts';
import type { Store } from '../store/store.ts';
import type { AttackerCount, KindCount, RefuserCount, SubmitterCount } from '../store/sums.ts';
import type { StoredVerdict } from '../store/verdicts.ts';
import { buildMeasure } from './measure.ts';
import { nearMisses } from './near.ts';
import { loadOutages, type OutagePeriod, outageJson, outageText } from './outages.ts';
import { releaseText } from './release.ts';

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
  readonly suspects: readonly OutagePeriod[];
  /** how values of the rules are written */
  readonly measure: Measure;
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
  const queries = store.sumPeriod(since, until);
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
    suspects: loadOutages(store).filter(
      ({ began, ended }) => began < until && (ended === undefined || ended >= since),
    ),
    measure: buildMeasure(rules),
  };
}

/** The report with times as RFC 3339. */
export function reportJson(report: Report): Record<string, unknown> {
  const { since, until, blocks, verdicts, suspects, near, measure: _, ...rest } = report;
  return {
    since: formatTime(since),
    until: formatTime(until),
    ...rest,
    blocks: blocks.map((block) =>
      dropUndefined({
        ...block,
        start: formatTime(block.start),
        end: block.end === undefined ? undefined : formatTime(block.end),
        released: block.released === undefined ? undefined : formatTime(block.released),
      }),
    ),
    verdicts: verdicts.map(({ verdict, outcome }) => ({
      ...verdict,
      time: formatTime(verdict.time),
      outcome,
    })),
    near: near.map((one) => ({ ...one, time: formatTime(one.time) })),
    suspects: suspects.map(outageJson),
  };
}

/** The report as text, no line longer than 80 characters. */
export function reportText(report: Report): string {
  const parts = [
    [`Postern report, ${formatTime(report.since)} to ${formatTime(report.until)}`],
    section('Mail', totals(report)),
    section('Blocks', report.blocks.flatMap(blockLines), 'None.'),
    section('Came near a limit', nearLines(report), 'Nobody.'),
    section('Met a limit, not blocked', verdictLines(report), 'Nobody.'),
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

/** One line, or two where it does not fit: how a block ended is not cut off. */
function blockLines(block: StoredBlock): string[] {
  const who = `  ${identityText(block.key)}`;
  const cause = `${block.cause}, ${shortTime(block.start)}`;
  const ended =
    block.released === undefined
      ? 'runs'
      : `ended ${shortTime(block.released)}: ${releaseText(block)}`;
  const line = `${who}  ${cause}, ${ended}`;
  if (visible(line).length <= WIDTH) return [line];
  return [`${who}  ${cause},`, `      ${ended}`];
}

/** A rule that a key met, however often. */
interface MetLimit {
  readonly times: number;
  readonly highest: number;
  readonly last: StoredVerdict;
}

/** One entry for a rule and key, in the order of their first verdicts; so many that somebody reads them. */
export function metLimits(verdicts: readonly StoredVerdict[]): MetLimit[] {
  const met = new Map<string, MetLimit>();
  for (const stored of verdicts) {
    const key = `${stored.verdict.rule} ${stored.verdict.key.type} ${stored.verdict.key.id}`;
    const known = met.get(key);
    met.set(key, {
      times: (known?.times ?? 0) + 1,
      highest: Math.max(known?.highest ?? 0, stored.verdict.count),
      last: stored,
    });
  }
  return [...met.values()].slice(0, 4 * MOST);
}

function verdictLines({ verdicts, measure }: Report): string[] {
  return metLimits(verdicts).map(({ times, highest, last: { verdict, outcome } }) => {
    const often = times === 1 ? '' : `, ${times} times`;
    const { key, rule, limit } = verdict;
    return `  ${identityText(key)}  ${rule} ${ofLimit(highest, limit, rule, measure)} (${outcome}${often})`;
  });
}

function nearLines({ near, measure }: Report): string[] {
  return near.map(({ key, rule, highest, limit, time }) => {
    return `  ${identityText(key)}  ${rule} ${ofLimit(highest, limit, rule, measure)}, ${shortTime(time)}`;
  });
}

/** `4/5`, `93.7/25 %`. */
function ofLimit(highest: number, limit: number, rule: string, measure: Measure): string {
  return `${highest}/${measure(limit, rule)}`;
}

function submitterLines(submitters: readonly SubmitterCount[]): string[] {
  if (submitters.length === 0) return [];
  const rows = submitters.map((one) => {
    const { type, id, invalid, recipients, clients } = one;
    return `${String(invalid).padStart(8)} ${String(recipients).padStart(11)} ${shareText(one).padStart(6)} ${String(clients).padStart(8)}  ${formatIdentity({ type: type as SubmitterType, id })}`;
  });
  return [' invalid  recipients  share  clients  submitter', ...rows];
}

/** How much of its mail went to nobody; empty when it sent none. */
export function shareText({ invalid, recipients }: SubmitterCount): string {
  return recipients === 0 ? '' : `${Math.min(100, Math.round((100 * invalid) / recipients))} %`;
}

function refuserLines({ host, reason, count, reply }: RefuserCount): string[] {
  return [`${String(count).padStart(8)}  ${host}: ${reason}`, `          ${reply ?? ''}`];
}

function attackerLine({ address, name, invalid, auth, rejected }: AttackerCount): string {
  const what = [`${invalid} unknown recipients`, `${auth} failed logins`, `${rejected} refused`];
  return `  ${address}${name === undefined || name === null ? '' : ` (${name})`}  ${what.join(', ')}`;
}

function suspectSection(suspects: readonly OutagePeriod[]): string[] {
  const lines = suspects.map((suspect) => `  ${outageText(suspect)}`);
  return section('Refusals that did not count: the provider was suspect', lines);
}

/** To the minute: `2026-11-10 09:05Z`. */
export function shortTime(ms: number): string {
  return `${formatTime(ms).slice(0, 16).replace('T', ' ')}Z`;
}
