/** Reads the same bytes by the scanner and plainly. */
import { LineSplitter } from '../../src/follow/lines.ts';
import { Interpreter, type InterpreterOptions } from '../../src/interpret/interpreter.ts';
import type { MailEvent } from '../../src/model/event.ts';

const REFERENCE = Date.UTC(2026, 10, 20);

/** All that a reader of a log can see of it, and leaves for the next process. */
export interface Read {
  readonly lines: number;
  readonly scanned: number;
  readonly seen: string;
}

type Options = Omit<InterpreterOptions, 'store'>;

/** Reads `bytes`, cut into chunks at `cuts`; each chunk is a batch, and is overwritten after it was read. */
function read(bytes: Buffer, cuts: readonly number[], options: Options): Read {
  const store = { load: () => undefined, recent: () => [] };
  const interpreter = new Interpreter({ zone: 'Europe/Berlin', ...options, store });
  const source = interpreter.openSource(REFERENCE);
  const splitter = new LineSplitter('mail.log');
  const events: MailEvent[] = [];
  const seen: unknown[] = [];
  let lines = 0;
  const borders = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  for (const [index, border] of borders.entries()) {
    const chunk = Buffer.from(bytes.subarray(borders[index - 1] ?? 0, border));
    const batch = splitter.push(chunk);
    interpreter.feed(source, batch, events);
    chunk.fill('x');
    lines += batch.length;
    const { correlator, newest, understood, future } = interpreter;
    seen.push(source.envelope.save(), newest, understood, future, correlator.losses);
    seen.push(correlator.takeChanges(), correlator.takeParts(), correlator.ambiguousLogins);
  }
  return { lines, scanned: interpreter.scanned, seen: JSON.stringify([seen, events]) };
}

/** What the scanner and what the plain way saw. */
export function readBothWays(
  bytes: Buffer,
  cuts: readonly number[] = [],
  options: Options = {},
): { readonly scanning: Read; readonly plain: Read } {
  return {
    scanning: read(bytes, cuts, options),
    plain: read(bytes, cuts, { ...options, plain: true }),
  };
}
