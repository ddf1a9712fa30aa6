/** `postern events`: stored events, by who, when, what and where. */
import { EXIT, type ExitStatus, PosternError } from '../base/errors.ts';
import { type Config, loadConfig } from '../config/load.ts';
import type { MailEvent } from '../model/event.ts';
import type { EventQuery } from '../model/event-query.ts';
import { loadStyle } from '../report/style.ts';
import { Store } from '../store/store.ts';
import { csvRow } from './csv.ts';
import { EVENT_COLUMNS, eventValues } from './event-columns.ts';
import { buildEventQuery, type EventFilterOptions } from './event-filter.ts';
import { EVENT_HEAD, eventCells, eventText } from './event-text.ts';
import type { CommonOptions, Io } from './io.ts';
import { ScreenTable } from './screen-table.ts';

interface EventsOptions extends Omit<CommonOptions, 'format'>, EventFilterOptions {
  readonly format?: 'text' | 'json' | 'csv' | 'parquet';
  /** times in UTC only */
  readonly utc?: boolean;
}

/** Oldest first. */
export async function runEvents(options: EventsOptions, io: Io): Promise<ExitStatus> {
  const config = loadConfig(options.config);
  const query = buildEventQuery(options, config);
  if (options.format === 'parquet' && io.bytes === undefined) {
    throw new PosternError(
      'usage',
      '--format parquet: a terminal cannot show it: postern events --format parquet > FILE',
    );
  }
  const store = new Store(config.database, { readonly: true });
  try {
    await printAll(listEvents(store, query), options, config, io);
    return EXIT.done;
  } finally {
    store.close();
  }
}

function* listEvents(store: Store, query: EventQuery): Generator<MailEvent> {
  for (const { event } of store.events.query(query)) yield event;
}

async function printAll(
  events: Iterable<MailEvent>,
  options: EventsOptions,
  config: Config,
  io: Io,
): Promise<void> {
  switch (options.format) {
    case 'json':
      for (const event of events) io.stdout(eventText(event, 'json'));
      return;
    case 'csv':
      io.stdout(csvRow(EVENT_COLUMNS.map(({ name }) => name)));
      for (const event of events) io.stdout(csvRow(eventValues(event)));
      return;
    case 'parquet':
      await writeParquet(events, io);
      return;
    default:
      await printText(events, options, config, io);
  }
}

async function writeParquet(events: Iterable<MailEvent>, io: Io): Promise<void> {
  const { ParquetEvents } = await import('./parquet.ts');
  const file = new ParquetEvents((bytes) => io.bytes?.(bytes));
  for (const event of events) file.add(event);
  file.finish();
}

/** Lines that are laid out together. */
const PART = 200;

/** A table on a terminal; elsewhere one line an event. */
async function printText(
  events: Iterable<MailEvent>,
  options: EventsOptions,
  config: Config,
  io: Io,
): Promise<void> {
  const table = io.screen && new ScreenTable(io, EVENT_HEAD);
  for (const part of inParts(events, PART)) {
    const keys = part.flatMap(({ submitter }) => submitter ?? []);
    const style = await loadStyle(config, keys, options);
    if (table === undefined)
      io.stdout(part.map((event) => eventText(event, 'text', style)).join(''));
    else table.print(part.map((event) => eventCells(event, style)));
  }
}

function* inParts<T>(all: Iterable<T>, size: number): Generator<T[]> {
  let part: T[] = [];
  for (const one of all) {
    part.push(one);
    if (part.length < size) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}
