/**
 * What the two processes of `postern enforce` say to each other, one JSON object a line. The reader knows the
 * database and asks; the one with the rights does what it is asked, and takes every word of it for hostile: only
 * blocks and queue IDs can be said here. No file, no command, no target's place, no text of a line.
 */

import { z } from 'zod';
import { dropUndefined } from '../../base/defined.ts';
import type { QueueResult } from '../../enforce/queue.ts';
import type { ReconcileRequest, Reconciliation } from '../../enforce/reconcile.ts';

/** Longest request, bytes: some ten times what a hundred thousand blocks take. */
export const LONGEST_STEP_REQUEST = 128 * 1024 * 1024;

const MOST = 100_000;
/** The range of a JavaScript date, ms: beyond it no time can be written out. */
const LATEST = 8.64e15;

const number = z.int().nonnegative();
const time = z.number().min(0).max(LATEST);
const name = z.string().max(100);

const block = z.object({
  id: number,
  key: z.object({
    type: z.enum(['user', 'client', 'uid', 'sender']),
    id: z.string().max(2000),
  }),
  cause: z.string().max(1000),
  start: time,
  end: time.optional(),
});

const request = z.discriminatedUnion('ask', [
  z.object({
    ask: z.literal('reconcile'),
    blocks: z.array(block).max(MOST),
    written: z.record(name, z.array(number).max(MOST)),
    pending: z.array(name).max(100),
  }),
  z.object({ ask: z.literal('hold'), ids: z.array(z.string().max(100)) }),
]);

/** What the reader may ask for: make the targets list these blocks, or hold these queued messages. */
export type Request = z.output<typeof request>;

/** The first line to the reader: all it has to know of the configuration. */
export interface Opening {
  readonly database: string;
  readonly targets: readonly { readonly name: string; readonly file: string }[];
  /** names of all targets of the configuration, in observe mode too */
  readonly configured: readonly string[];
  /** may ask to hold queued mail */
  readonly hold: boolean;
  readonly once: boolean;
  readonly logLevel: string;
}

/** Every later line to the reader. `changed`: somebody has touched a target's file. */
export type Reply =
  | { readonly say: 'changed' }
  | { readonly say: 'reconciled'; readonly result: Reconciliation }
  | { readonly say: 'held'; readonly result: QueueResult }
  | { readonly say: 'refused'; readonly why: string };

/** A line of the reader as a request, or what is wrong with it. */
export function parseRequest(line: string): Request | { readonly wrong: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { wrong: 'it is no JSON' };
  }
  const result = request.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return { wrong: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}` };
}

/** A request to reconcile, as the reader says it. */
export function reconcileRequest(wanted: ReconcileRequest): Request {
  return {
    ask: 'reconcile',
    blocks: wanted.blocks.map(({ id, key, cause, start, end }) =>
      dropUndefined({
        id,
        key,
        cause,
        start,
        end,
      }),
    ),
    written: Object.fromEntries(
      [...wanted.written].map(([target, blocks]) => [target, [...blocks]]),
    ),
    pending: [...wanted.pending],
  };
}

/** Lines of a stream as they come, none longer than `longest` bytes; throws a RangeError for one that is. */
export async function* splitLines(
  stream: AsyncIterable<Buffer>,
  longest: number,
): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, end)]).toString('utf8');
      parts = [];
      length = 0;
      from = end + 1;
      yield line;
    }
    parts.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > longest) throw new RangeError(`a line longer than ${longest} bytes`);
  }
}
