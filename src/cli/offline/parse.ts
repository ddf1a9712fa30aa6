/** `postern parse`: what the lines of log files say. Keeps no state. */
import { EXIT, type ExitStatus } from '../../base/errors.ts';
import { systemClock } from '../../base/time.ts';
import { eventToJson } from '../../model/event.ts';
import { readEvents } from '../../offline.ts';
import { LineOrder } from '../../order.ts';
import { type Io, jsonLine } from '../io.ts';
import { interpreterOptions, namedConfig, type OfflineOptions } from './options.ts';

/** `postern parse FILE...`: events as JSON, one a line. */
export async function runParse(
  files: readonly string[],
  options: OfflineOptions,
  io: Io,
): Promise<ExitStatus> {
  const reading = await interpreterOptions(options, await namedConfig(options));
  const order = new LineOrder();
  for await (const batch of readEvents(files, { ...reading, now: systemClock.now() })) {
    const text = order.pass(batch.events).map((event) => jsonLine(eventToJson(event)));
    if (text.length > 0) io.stdout(text.join(''));
  }
  io.stdout(
    order
      .end()
      .map((event) => jsonLine(eventToJson(event)))
      .join(''),
  );
  return EXIT.done;
}
