/** Stored events by filter, and their export. `postern events` reads the filter and finds them. */
import { csvRow, defuse } from '../../base/csv.ts';
import { escapeControls } from '../../base/escape.ts';
import { EVENT_KINDS, REASONS, type Submitter } from '../../model/event.ts';
import type { Ran } from '../desk.ts';
import { type Html, html, output, type Part } from '../html.ts';
import { field, message, select, table } from '../layout.ts';
import { storyLink, type View } from '../view.ts';

/** An event as `postern events --format json` prints it (docs/events.md). */
interface EventJson {
  readonly time: string;
  readonly kind: string;
  readonly queueId?: string;
  readonly submitter?: Submitter;
  readonly client?: { readonly address?: string; readonly helo?: string };
  readonly sender?: string;
  readonly recipient?: string;
  readonly reason?: string;
  readonly reply?: string;
}

/** How many an export has at most, the newest. */
const MOST_EXPORTED = 100_000;
const OPTIONS = [
  ['of', '--of'],
  ['kind', '--kind'],
  ['reason', '--reason'],
  ['recipient', '--recipient'],
  ['queueId', '--queue-id'],
  ['since', '--since'],
  ['until', '--until'],
] as const;
const LIMITS = ['100', '500', '2000'].map((text) => [text, text] as const);

/** Runs `postern events` with the filter of the address. */
function findEvents({ desk, query }: View, limit: string): Promise<Ran> {
  const given = OPTIONS.filter(([name]) => query(name) !== '');
  const words = given.map(([name, option]) => `${option}=${query(name)}`);
  const since = query('since') === '' && query('queueId') === '' ? ['--since=24h'] : [];
  return desk.read(['events', '--format', 'json', `--limit=${limit}`, ...since, ...words]);
}

export async function eventsPage(view: View): Promise<Html> {
  const { query } = view;
  const limit = LIMITS.find(([text]) => text === query('limit'))?.[0] ?? '100';
  const ran = await findEvents(view, limit);
  const any = (words: readonly string[]) => [
    ['', 'any'] as const,
    ...words.map((word) => [word, word] as const),
  ];
  return html`<form class="row" method="get" action="/events" role="search" aria-label="Filter events">
${field('of', 'Submitter or client', query('of'), 'alice@example.net')}
${select('kind', 'Kind', any(EVENT_KINDS), query('kind'))}
${select('reason', 'Reason', any(['invalid', ...REASONS]), query('reason'))}
${field('recipient', 'Recipient', query('recipient'))}
${field('queueId', 'Queue ID', query('queueId'))}
${field('since', 'Since', query('since'), '24h')}
${field('until', 'Until', query('until'), 'now')}
${select('limit', 'At most', LIMITS, limit)}
<button class="main">Show</button>
</form>
${ran.status === 0 ? eventList(view, ran) : message(output(ran.err), 'bad')}`;
}

function eventList(view: View, { out }: Ran): Html {
  const events = readLines(out).reverse();
  const words = String(
    new URLSearchParams(OPTIONS.map(([name]): [string, string] => [name, view.query(name)])),
  );
  return html`<p class="actions"><span>${events.length} events, newest first.</span>
<a href="/events.csv?${words}">CSV</a> <a href="/events.jsonl?${words}">JSON lines</a></p>
${table({
  label: 'Events',
  head: ['Time', 'Kind', 'Submitter', 'Client', 'Sender', 'Recipient', 'Reason', 'Reply'],
  rows: events.map((event) => eventRow(view, event)),
  empty: 'No event is like that.',
})}`;
}

function eventRow(view: View, event: EventJson): Part[] {
  const { time, kind, submitter, client, sender, recipient, reason, reply } = event;
  return [
    view.time(Date.parse(time)),
    kind,
    submitter && storyLink(submitter),
    client?.address,
    sender === undefined ? undefined : `<${sender}>`,
    recipient,
    reason,
    reply,
  ];
}

function readLines(text: string): EventJson[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as EventJson);
}

const COLUMNS = [
  'time',
  'kind',
  'queueId',
  'submitter',
  'client',
  'sender',
  'recipient',
  'reason',
  'code',
  'status',
  'reply',
];

/** The events as CSV (RFC 4180) or a JSON object a line. */
export async function exportEvents(view: View, form: 'csv' | 'jsonl'): Promise<Ran> {
  const ran = await findEvents(view, String(MOST_EXPORTED));
  return form === 'jsonl' || ran.status !== 0 ? ran : { ...ran, out: toCsv(readLines(ran.out)) };
}

function toCsv(events: readonly EventJson[]): string {
  const lines = events.map((event) => {
    const { submitter, client } = event;
    const flat: Record<string, unknown> = {
      ...event,
      submitter: submitter && `${submitter.type}:${submitter.id}`,
      client: client?.address,
    };
    return csvRow(
      COLUMNS.map((column) => defuse(escapeControls(String(flat[column] ?? '')))),
      '\r\n',
    );
  });
  return [csvRow(COLUMNS, '\r\n'), ...lines].join('');
}
