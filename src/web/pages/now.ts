/** The first page: is it running, how far behind, who is blocked, what fails. */
import { MINUTE, SECOND } from '../../base/time.ts';
import type { LogStatus } from '../../daemon/log-status.ts';
import { gatherStatus, type ServiceStatus } from '../../daemon/status.ts';
import { formatTarget } from '../../model/identity.ts';
import { describeOutage } from '../../report/outages.ts';
import type { Store } from '../../store/store.ts';
import { Totals } from '../../store/sums.ts';
import type { Chart } from '../chart.ts';
import { type Html, html, type Part } from '../html.ts';
import { chart, message, table } from '../layout.ts';
import { storyLink, type View } from '../view.ts';

/** Blocks that the page lists, the newest. */
const MOST_BLOCKS = 10;
/** Seconds between two looks. */
const EVERY = 10;

/** The page; the part that changes renews itself. */
export function nowPage(view: View): Html {
  return html`<div id="now" hx-get="/now/part" hx-trigger="every ${EVERY}s" hx-swap="innerHTML">${nowPart(view)}</div>
<h2>The last hour</h2>
${chart('/now/minutes', 'Events and refusals a minute, in the last hour', 30)}`;
}

/** What changes of it. */
export function nowPart(view: View): Html {
  const { store, config } = view.desk;
  const status = gatherStatus(store, config);
  return html`${problemList(status.problems)}
<ul class="tiles">
${tile('Service', status.running ? 'running' : 'NOT running', status.running)}
${tile('Mode', status.mode)}
${tile('Blocked now', status.blocks)}
${tile('Behind', describeLag(status.logs))}
${tile('Newest event', status.newestEvent === undefined ? 'none' : view.time(Date.parse(status.newestEvent)))}
${tile('Notices waiting', status.noticesWaiting)}
${tile('Open messages', status.openMessages)}
${tile('Database', `${(status.database.bytes / 1e6).toFixed(1)} MB`)}
</ul>
<h2>Blocked, newest first</h2>
${blockTable(view)}
<h2>Logs</h2>
${table({
  label: 'Logs',
  head: ['Log', 'State'],
  rows: status.logs.map((log) => [log.path, describeLog(log)]),
  empty: 'No log is configured.',
})}
${outages(status)}
${status.milter !== undefined && html`<h2>Milter</h2><p>${status.milter.running ? 'Running.' : 'NOT running.'} <a href="/milter">Its answers</a></p>`}`;
}

function tile(name: string, value: Part, isGood = true): Html {
  return html`<li>${name} <strong${!isGood && html` class="bad-text"`}>${value}</strong></li>`;
}

function problemList(problems: readonly string[]): Html {
  if (problems.length === 0) return message('No problems.', 'good');
  return message(
    html`<strong>What fails</strong><ul>${problems.map((text) => html`<li>${text}</li>`)}</ul>`,
    'bad',
  );
}

function describeLag(logs: readonly LogStatus[]): string {
  const bytes = logs.reduce((sum, { behind = 0 }) => sum + behind, 0);
  return bytes === 0
    ? 'nothing'
    : bytes < 1e6
      ? `${bytes} bytes`
      : `${(bytes / 1e6).toFixed(1)} MB`;
}

function describeLog({ present, failure, hidden, behind, journal }: LogStatus): Part {
  if (!present) return html`<span class="bad-text">missing</span>`;
  if (failure !== undefined) return html`<span class="bad-text">cannot be read: ${failure}</span>`;
  if (journal === true) return 'read by journalctl';
  if (hidden === true) return 'not visible to this account';
  return behind === undefined ? 'rotated, catching up' : `${behind} bytes behind`;
}

function blockTable(view: View): Html {
  const blocks = view.desk.store.blocks.allRunning().slice(-MOST_BLOCKS).reverse();
  return html`${table({
    label: 'Blocked now',
    head: ['Who', 'Cause', 'Since'],
    rows: blocks.map((block) => [
      storyLink(block.key, formatTarget(block)),
      block.cause,
      view.time(block.start),
    ]),
    empty: 'Nobody is blocked.',
  })}<p><a href="/blocks">All blocks</a></p>`;
}

function outages({ suspects }: ServiceStatus): Part {
  if (suspects.length === 0) return undefined;
  return html`<h2>Provider outages</h2>
<p>Refusals during them do not count.</p><ul>${suspects.map((outage) => html`<li>${describeOutage(outage)}</li>`)}</ul>`;
}

interface Minute {
  readonly events: number;
  readonly refused: number;
}

/** Late lines of a log can still change the newest minutes. */
const UNSETTLED = 5;
const MINUTES = 60;

/** Events and refusals of the last hour, a minute each. Those that are settled are counted once. */
export class Minutes {
  readonly #counted = new Map<number, Minute>();

  /** `now` in ms; times in s. */
  read(store: Store, now: number): Chart {
    const last = Math.floor(now / MINUTE);
    const minutes = Array.from({ length: MINUTES }, (_, at) => last - MINUTES + 1 + at);
    const values = minutes.map((minute) => this.#count(store, minute, minute > last - UNSETTLED));
    for (const minute of this.#counted.keys())
      if (minute <= last - MINUTES) this.#counted.delete(minute);
    return {
      times: minutes.map((minute) => (minute * MINUTE) / SECOND),
      series: [
        { label: 'events', values: values.map(({ events }) => events) },
        { label: 'refusals', values: values.map(({ refused }) => refused) },
      ],
    };
  }

  #count(store: Store, minute: number, isOpen: boolean): Minute {
    const known = this.#counted.get(minute);
    if (known !== undefined && !isOpen) return known;
    const sums = new Totals();
    const period = { since: minute * MINUTE, until: (minute + 1) * MINUTE };
    store.events.scan(period, (page, at) => sums.add(page, at));
    const { kinds, reasons } = sums.totals();
    const sum = (counts: readonly { readonly count: number }[]) =>
      counts.reduce((total, { count }) => total + count, 0);
    const counted = { events: sum(kinds), refused: sum(reasons) };
    this.#counted.set(minute, counted);
    return counted;
  }
}
