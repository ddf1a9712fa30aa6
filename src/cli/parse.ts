/** `postern parse`: the events of log files, one a line. Stores nothing. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { HOST_ZONE, systemClock } from '../base/time.ts';
import { readEvents } from '../interpret/files.ts';
import { LineOrder } from '../interpret/line-order.ts';
import type { MailEvent } from '../model/event.ts';
import { matchesQuery } from '../model/event-query.ts';
import { PLAIN_LOGINS } from '../model/login.ts';
import { csvRow } from './csv.ts';
import { EVENT_COLUMNS, eventValues } from './event-columns.ts';
import { buildEventQuery, type EventFilterOptions } from './event-filter.ts';
import { eventText } from './event-text.ts';
import type { Io } from './io.ts';
import { interpreterOptions, namedConfig, type OfflineOptions } from './offline-options.ts';

type ParseOptions = Omit<OfflineOptions, 'format'> &
  EventFilterOptions & { readonly format?: 'json' | 'text' | 'csv' };

/** Throws a PosternError (exit status 1) for a file that cannot be read. */
export async function runParse(
  files: readonly string[],
  options: ParseOptions,
  io: Io,
): Promise<ExitStatus> {
  const { format, ...rest } = options;
  const config = await namedConfig(rest);
  const reading = await interpreterOptions(rest, config);
  const zone = reading.zone ?? HOST_ZONE;
  const query = buildEventQuery(options, { zone, logins: config?.logins ?? PLAIN_LOGINS });
  const show = (events: readonly MailEvent[]) =>
    print(
      events.filter((event) => matchesQuery(event, query)),
      format,
      io,
    );
  if (format === 'csv') io.stdout(csvRow(EVENT_COLUMNS.map(({ name }) => name)));
  const order = new LineOrder();
  try {
    for await (const batch of readEvents(files, { ...reading, now: systemClock.now() })) {
      show(order.pass(batch.events));
    }
  } finally {
    // When a file breaks off, too: what could be read is printed before the failure.
    show(order.end());
  }
  return EXIT.done;
}

function print(events: readonly MailEvent[], format: ParseOptions['format'], io: Io): void {
  if (events.length === 0) return;
  const lines = events.map((event) =>
    format === 'csv' ? csvRow(eventValues(event)) : eventText(event, format),
  );
  io.stdout(lines.join(''));
}
