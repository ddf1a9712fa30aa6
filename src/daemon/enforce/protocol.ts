/**
 * The protocol of the two processes of `postern enforce`, one JSON object a line. The reader knows the database and
 * sends requests; the step has the rights, carries them out and replies. The step takes every request for hostile:
 * only blocks, identities and queue IDs can be expressed here. No file, no command, no target's place, no text of a line.
 */

import { z } from 'zod';
import { dropUndefined } from '../../base/defined.ts';
import type { QueueResult } from '../../enforce/queue/queue.ts';
import type { ReconcileRequest, Reconciliation } from '../../enforce/reconcile.ts';
import { SUBMITTER_TYPES } from '../../model/event.ts';
import type { FindResult } from '../queue-access.ts';

/** Longest request, bytes: some ten times what a hundred thousand blocks take. */
export const LONGEST_STEP_REQUEST = 128 * 1024 * 1024;

const MOST_BLOCKS = 100_000;
const MOST_SPELLINGS = 1000;
/** The range of a JavaScript date, ms: a time beyond it cannot be formatted. */
const LATEST = 8.64e15;
const LINE_FEED = 0x0a;

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
  spellings: z.array(z.string().max(2000)).max(MOST_SPELLINGS).optional(),
});

const text = z.string().max(2000);
const submitter = z.object({ type: z.enum(SUBMITTER_TYPES), id: text });
const sender = z.object({ type: z.literal('sender'), id: text, at: submitter.optional() });

const request = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('reconcile'),
    blocks: z.array(block).max(MOST_BLOCKS),
    written: z.record(name, z.array(number).max(MOST_BLOCKS)),
    pending: z.array(name).max(100),
  }),
  z.object({
    kind: z.literal('find'),
    owner: z.union([submitter, sender]),
    known: z.array(z.object({ queueId: name, submitter, sender: text.optional() })),
  }),
  z.object({ kind: z.literal('hold'), ids: z.array(z.string().max(100)) }),
]);

/**
 * What the reader may request: that the targets list these blocks, which queued messages are somebody's, or that these
 * messages are held.
 */
export type Request = z.output<typeof request>;

/** The first line to the reader: all that it has to know of the configuration. */
export interface Opening {
  readonly database: string;
  readonly targets: readonly { readonly name: string; readonly file: string }[];
  /** names of all targets of the configuration, in observe mode too */
  readonly configured: readonly string[];
  /** whether it may request to hold queued mail */
  readonly hold: boolean;
  /** whether the policy service shuts out senders at their gateways */
  readonly policy: boolean;
  readonly once: boolean;
  readonly logLevel: string;
}

/** Every later line to the reader. `changed` comes unrequested: somebody has touched a target's file. */
export type Reply =
  | { readonly kind: 'changed' }
  | { readonly kind: 'reconciled'; readonly result: Reconciliation }
  | { readonly kind: 'found'; readonly result: FindResult }
  | { readonly kind: 'held'; readonly result: QueueResult }
  | { readonly kind: 'refused'; readonly reason: string };

/** A line of the reader as a request, or why it is not one. */
export function parseRequest(line: string): Request | { readonly error: string } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { error: 'not JSON' };
  }
  const result = request.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  return { error: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a request'}` };
}

/** The request to reconcile, as it is sent. */
export function encodeReconcile({ blocks, written, pending }: ReconcileRequest): Request {
  return {
    kind: 'reconcile',
    // Only these keys: a stored block has more.
    blocks: blocks.map(({ id, key, cause, start, end, spellings }) =>
      dropUndefined({ id, key, cause, start, end, spellings: spellings && [...spellings] }),
    ),
    written: Object.fromEntries([...written].map(([target, ids]) => [target, [...ids]])),
    pending: [...pending],
  };
}

/** The request to reconcile, as it was received. `now` in ms, by the clock of the step. */
export function decodeReconcile(
  { blocks, written, pending }: Request & { readonly kind: 'reconcile' },
  now: number,
): ReconcileRequest {
  return {
    blocks: blocks.map((each) => dropUndefined(each)),
    written: new Map(Object.entries(written).map(([target, ids]) => [target, new Set(ids)])),
    pending: new Set(pending),
    now,
  };
}

/** Lines of a stream as they arrive. Throws a RangeError for a line of more than `longest` bytes. */
export async function* splitLines(
  stream: AsyncIterable<Buffer>,
  longest: number,
): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
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
