/** What the service measures, for Prometheus. docs/monitoring.md lists it. */
import { SECOND } from '../base/time.ts';
import type { Config } from '../config/load.ts';
import type { Decision } from '../enforce/decide.ts';
import { type Family, processFamilies, type Sample, Tally } from '../metrics/family.ts';
import type { MailEvent } from '../model/event.ts';
import type { Occurrence } from '../store/occurrences.ts';
import { loadOutages } from '../store/outages.ts';
import type { Store } from '../store/store.ts';
import { gatherStatus } from './status.ts';

interface Lines {
  readonly read: number;
  readonly unread: number;
}

interface Measured {
  readonly store: Store;
  readonly config: Config;
  readonly version: string;
  /** lines of the mail server since the start or the last reload */
  lines(): Lines;
  /** time of the newest line, ms; 0 before the first */
  newest(): number;
}

/** Counts from the start of the process on, over all reloads. */
export class ServiceMetrics {
  /** ms */
  readonly #started: number;
  readonly #events = new Tally();
  readonly #refusals = new Tally();
  readonly #verdicts = new Tally();
  readonly #begun = new Tally();
  readonly #ended = new Tally();
  #earlier: Lines = { read: 0, unread: 0 };

  /** `started`: when the process did, ms. */
  constructor(started: number) {
    this.#started = started;
  }

  /** Adds the lines that were read before a reload. */
  keepLines({ read, unread }: Lines): void {
    this.#earlier = { read: this.#earlier.read + read, unread: this.#earlier.unread + unread };
  }

  /** Counts the events of a batch of lines. */
  countEvents(events: readonly MailEvent[]): void {
    for (const [kind, count] of countEach(events, 'kind')) this.#events.add({ kind }, count);
    for (const [reason, count] of countEach(events, 'reason')) {
      if (reason !== undefined) this.#refusals.add({ reason }, count);
    }
  }

  /** Counts the verdicts of a commit. */
  countVerdicts(decisions: readonly Decision[]): void {
    for (const { verdict, outcome } of decisions)
      this.#verdicts.add({ rule: verdict.rule, outcome });
  }

  /** Counts blocks that began or ended, whoever did that. */
  countBlock({ kind, about }: Occurrence, store: Store): void {
    if (kind !== 'block' && kind !== 'release') return;
    const block = store.blocks.get((about as { block: number }).block);
    if (kind === 'block') this.#begun.add({ cause: block?.cause ?? 'unknown' });
    else this.#ended.add({ by: block?.releasedBy ?? 'unknown' });
  }

  list(measured: Measured): Family[] {
    return [
      ...processFamilies(this.#started),
      ...this.#listCounters(measured),
      ...listGauges(measured),
      ...listStoreGauges(measured),
    ];
  }

  #listCounters({ lines }: Measured): Family[] {
    return [
      {
        name: 'postern_log_lines_total',
        help: 'Lines of the mail server, by whether they say something to Postern.',
        type: 'counter',
        labels: ['result'],
        read: () => {
          const { read, unread } = lines();
          return [
            { labels: { result: 'read' }, value: this.#earlier.read + read },
            { labels: { result: 'unread' }, value: this.#earlier.unread + unread },
          ];
        },
      },
      counter(
        'postern_events_total',
        'Events that were read from the log.',
        ['kind'],
        this.#events,
      ),
      counter('postern_refusals_total', 'Events with a reason.', ['reason'], this.#refusals),
      counter(
        'postern_verdicts_total',
        'Limits that were met.',
        ['rule', 'outcome'],
        this.#verdicts,
      ),
      counter('postern_blocks_started_total', 'Blocks that began.', ['cause'], this.#begun),
      counter('postern_blocks_ended_total', 'Blocks that ended.', ['by'], this.#ended),
    ];
  }
}

/** How often each value comes: a batch has far more events than values. */
function countEach<Name extends 'kind' | 'reason'>(
  events: readonly MailEvent[],
  name: Name,
): Map<MailEvent[Name], number> {
  const counts = new Map<MailEvent[Name], number>();
  for (const event of events) counts.set(event[name], (counts.get(event[name]) ?? 0) + 1);
  return counts;
}

function counter(name: string, help: string, labels: readonly string[], tally: Tally): Family {
  return { name, help, type: 'counter', labels, read: () => tally.read() };
}

function gauge(
  name: string,
  help: string,
  read: () => number | readonly Sample[],
  labels: readonly string[] = [],
): Family {
  const samples = () => {
    const now = read();
    return typeof now === 'number' ? [{ value: now }] : now;
  };
  return { name, help, type: 'gauge', labels, read: samples };
}

function listGauges({ config, version, newest }: Measured): Family[] {
  return [
    gauge(
      'postern_build_info',
      'Version, mail server and mode; always 1.',
      () => [{ labels: { version, mta: config.mta, mode: config.mode }, value: 1 }],
      ['version', 'mta', 'mode'],
    ),
    gauge(
      'postern_log_newest_line_timestamp_seconds',
      'Time of the newest line, since the epoch.',
      () => newest() / SECOND,
    ),
  ];
}

function listStoreGauges({ store, config }: Measured): Family[] {
  const status = () => gatherStatus(store, config);
  const count = <T>(items: readonly T[], label: string, of: (item: T) => string): Sample[] => {
    const tally = new Tally();
    for (const item of items) tally.add({ [label]: of(item) });
    return [...tally.read()];
  };
  return [
    gauge(
      'postern_problems',
      'Problems that postern status lists.',
      () => status().problems.length,
    ),
    gauge(
      'postern_log_behind_bytes',
      'What is not read yet of a log file.',
      () =>
        status().logs.flatMap(({ path, behind }) =>
          behind === undefined ? [] : [{ labels: { log: path }, value: behind }],
        ),
      ['log'],
    ),
    gauge(
      'postern_log_readable',
      '1 while the log is there and can be read, else 0.',
      () =>
        status().logs.map(({ path, present, failure }) => ({
          labels: { log: path },
          value: present && failure === undefined ? 1 : 0,
        })),
      ['log'],
    ),
    gauge(
      'postern_blocks',
      'Blocks that run.',
      () => count(store.blocks.allRunning(), 'type', ({ key }) => key.type),
      ['type'],
    ),
    gauge(
      'postern_provider_outage',
      '1 for each provider whose refusals do not count now.',
      () =>
        loadOutages(store)
          .filter(({ ended }) => ended === undefined)
          .map(({ provider }) => ({ labels: { provider }, value: 1 })),
      ['provider'],
    ),
    gauge(
      'postern_listings',
      'Listings of this server on DNS blocklists.',
      () => count(store.listings.running(), 'list', ({ list }) => list),
      ['list'],
    ),
    gauge(
      'postern_blind',
      '1 while the lines of the mail server cannot be seen, by cause.',
      () => (store.state.read('blind') ?? []).map(({ cause }) => ({ labels: { cause }, value: 1 })),
      ['cause'],
    ),
    gauge('postern_open_messages', 'Messages in the queue, as the log has them.', () =>
      store.state.messageCount(),
    ),
    gauge(
      'postern_mails_waiting',
      'Mails about blocks that were not sent yet.',
      () => store.outbox.unsent().length,
    ),
    gauge(
      'postern_hook_events_waiting',
      'Events that a hook has not taken yet.',
      () =>
        store.hooks.waiting().map(({ hook, waiting }) => ({ labels: { hook }, value: waiting })),
      ['hook'],
    ),
    gauge('postern_database_size_bytes', 'Size of the database.', () => store.space().bytes),
    gauge('postern_database_free_bytes', 'What is free in it.', () => store.space().free),
  ];
}
