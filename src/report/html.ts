/**
 * The report as one HTML page that needs nothing else: no script, no picture, no style from elsewhere. Every value is
 * escaped here, whatever it is; a browser is told to load nothing.
 */
import { formatTime } from '../base/time.ts';
import type { SubmitterType } from '../model/event.ts';
import { formatIdentity } from '../model/identity.ts';
import { escapeHtml, visible } from '../notify/compose.ts';
import { identityText } from '../notify/notice.ts';
import { outageText } from './outages.ts';
import { releaseText } from './release.ts';
import { metLimits, type Report, shareText, shortTime } from './report.ts';

/** Cells of one row, a number in a column of numbers; all are text that is not escaped yet. */
type Row = readonly (string | number)[];

interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly Row[];
  /** what stands there when there is no row */
  readonly empty: string;
}

const STYLE = `body { font-family: sans-serif; margin: 2em; color: #222; background: #fff }
h1 { font-size: 1.3em } h2 { font-size: 1.05em; margin-top: 1.6em }
table { border-collapse: collapse }
th, td { text-align: left; vertical-align: top; padding: .25em .8em .25em 0; border-bottom: 1px solid #ddd }
td { overflow-wrap: anywhere }
.number { text-align: right }`;

/** The whole page. */
export function reportHtml(report: Report): string {
  const title = `Postern report, ${formatTime(report.since)} to ${formatTime(report.until)}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${cell(title)}</title>
<style>
${STYLE}
</style>
</head>
<body>
<h1>${cell(title)}</h1>
${buildTables(report).map(tableHtml).join('\n')}
</body>
</html>
`;
}

function buildTables(report: Report): Table[] {
  return [
    ...totals(report),
    blocks(report),
    near(report),
    met(report),
    submitters(report),
    refusers(report),
    ...suspects(report),
    attackers(report),
    {
      title: 'Delivery status notifications',
      head: ['Sent'],
      rows: [[report.dsnsSent]],
      empty: '',
    },
  ];
}

function totals({ kinds, reasons }: Report): Table[] {
  const mail: Table = {
    title: 'Mail',
    head: ['Event', 'Number'],
    rows: kinds.map(({ kind, count }) => [kind, count]),
    empty: 'No mail was seen.',
  };
  const refusals: Table = {
    title: 'Refusals by reason',
    head: ['Reason', 'Number'],
    rows: reasons.map(({ reason, count }) => [reason, count]),
    empty: 'None.',
  };
  return [mail, refusals];
}

function blocks(report: Report): Table {
  return {
    title: 'Blocks',
    head: ['Number', 'Who', 'Cause', 'Began', 'Ended', 'Note'],
    rows: report.blocks.map((block) => [
      block.id,
      identityText(block.key),
      block.cause,
      shortTime(block.start),
      block.released === undefined ? 'runs' : `${shortTime(block.released)}: ${releaseText(block)}`,
      block.note ?? '',
    ]),
    empty: 'None.',
  };
}

function near(report: Report): Table {
  return {
    title: 'Came near a limit',
    head: ['Who', 'Rule', 'Highest', 'Limit', 'Time'],
    rows: report.near.map(({ key, rule, highest, limit, time }) => [
      identityText(key),
      rule,
      report.measure(highest, rule),
      report.measure(limit, rule),
      shortTime(time),
    ]),
    empty: 'Nobody.',
  };
}

function met(report: Report): Table {
  return {
    title: 'Met a limit, not blocked',
    head: ['Who', 'Rule', 'Highest', 'Limit', 'Why not', 'Times'],
    rows: metLimits(report.verdicts).map(({ times, highest, last: { verdict, outcome } }) => [
      identityText(verdict.key),
      verdict.rule,
      report.measure(highest, verdict.rule),
      report.measure(verdict.limit, verdict.rule),
      outcome,
      times,
    ]),
    empty: 'Nobody.',
  };
}

function submitters(report: Report): Table {
  return {
    title: 'Most invalid recipients by submitter',
    head: ['Submitter', 'Invalid', 'Recipients', 'Share', 'Clients'],
    rows: report.submitters.map((one) => [
      formatIdentity({ type: one.type as SubmitterType, id: one.id }),
      one.invalid,
      one.recipients,
      shareText(one),
      one.clients,
    ]),
    empty: 'None.',
  };
}

function refusers(report: Report): Table {
  return {
    title: 'Who refuses our mail, and why',
    head: ['Host', 'Number', 'Reason', 'One of its replies'],
    rows: report.refusers.map(({ host, reason, count, reply }) => [
      host,
      count,
      reason,
      reply ?? '',
    ]),
    empty: 'Nobody.',
  };
}

function suspects(report: Report): Table[] {
  if (report.suspects.length === 0) return [];
  return [
    {
      title: 'Refusals that did not count: the provider was suspect',
      head: ['Provider'],
      rows: report.suspects.map((suspect) => [outageText(suspect)]),
      empty: '',
    },
  ];
}

function attackers(report: Report): Table {
  return {
    title: 'Refused from outside, by client',
    head: ['Client', 'Name', 'Unknown recipients', 'Failed logins', 'Refused'],
    rows: report.attackers.map(({ address, name, invalid, auth, rejected }) => [
      address,
      name ?? '',
      invalid,
      auth,
      rejected,
    ]),
    empty: 'Nothing.',
  };
}

function tableHtml({ title, head, rows, empty }: Table): string {
  const heading = `<h2>${cell(title)}</h2>`;
  if (rows.length === 0) return `${heading}\n<p>${cell(empty)}</p>`;
  const names = head.map((name) => `<th scope="col">${cell(name)}</th>`).join('');
  const lines = rows.map((row) => `<tr>${row.map(cellHtml).join('')}</tr>`);
  return `${heading}\n<table>\n<tr>${names}</tr>\n${lines.join('\n')}\n</table>`;
}

function cellHtml(value: string | number): string {
  if (typeof value === 'number') return `<td class="number">${value}</td>`;
  return `<td>${cell(value)}</td>`;
}

function cell(text: string): string {
  return escapeHtml(visible(text));
}
