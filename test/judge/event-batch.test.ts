/** Events that are packed for another thread come out as they went in. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchPacker } from '../../src/judge/batch-packer.ts';
import { unpackBatch } from '../../src/judge/batch-unpacker.ts';
import type { CountedEvent } from '../../src/judge/counted-event.ts';
import { BATCH, type EventBatch } from '../../src/judge/event-batch.ts';
import { EVENT_KINDS, REASONS, SUBMITTER_TYPES } from '../../src/model/event.ts';

/** A text that a log may hold, also one beyond ASCII or with half a character. */
const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant('\ud800'));
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

const counted: fc.Arbitrary<CountedEvent> = fc.record({
  source: fc.constantFrom('mail.log', 'mail.log.1', '-'),
  line: count,
  offset: count,
  time: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  host: maybe(fc.constantFrom('mx1', 'mx2', '')),
  kind: fc.constantFrom(...EVENT_KINDS),
  queueId: maybe(text),
  submitter: maybe(fc.record({ type: fc.constantFrom(...SUBMITTER_TYPES), id: text })),
  client: maybe(fc.record({ address: text })),
  sender: maybe(text),
  recipient: maybe(text),
  originalRecipient: maybe(text),
  relay: maybe(fc.record({ host: maybe(text), address: maybe(text) })),
  reason: maybe(fc.constantFrom(...REASONS)),
  direction: maybe(fc.constantFrom('inbound', 'outbound', 'local')),
  repeated: maybe(fc.constant(true)),
  cause: maybe(fc.constant({ home: true })),
  newRecipients: maybe(count),
  amends: maybe(fc.constant(true)),
});

function pack(events: readonly CountedEvent[]) {
  const packer = new BatchPacker();
  for (const event of events) packer.add(event);
  return packer.take();
}

/** The events of a batch as plain objects, with all that they have. */
function unpack(batch: EventBatch): CountedEvent[] {
  const events: CountedEvent[] = [];
  unpackBatch(batch, (event) => events.push(readAll(event)));
  return events;
}

function readAll(event: CountedEvent): CountedEvent {
  const { source, line, offset, time, host, kind, queueId, submitter, client, sender } = event;
  const { recipient, originalRecipient, relay, reason, direction, repeated, cause } = event;
  const { newRecipients, amends } = event;
  return {
    ...{ source, line, offset, time, host, kind, queueId, submitter, client, sender },
    ...{ recipient, originalRecipient, relay, reason, direction, repeated, cause },
    ...{ newRecipients, amends },
  };
}

describe('packed events', () => {
  it('come out as they went in', () => {
    fc.assert(
      fc.property(fc.array(counted), (events) => {
        expect(unpack(structuredClone(pack(events)))).toEqual(events);
      }),
    );
  });

  it('fill a batch, and the next one begins empty', () => {
    const [one] = fc.sample(counted, 1) as [CountedEvent];
    const packer = new BatchPacker();
    for (let n = 0; n < BATCH; n++) {
      expect(packer.isFull).toBe(false);
      packer.add({ ...one, line: n });
    }
    expect(packer.isFull).toBe(true);
    expect(unpack(packer.take()).map(({ line }) => line)).toEqual(
      Array.from({ length: BATCH }, (_, n) => n),
    );
    expect(packer.isEmpty).toBe(true);
    packer.add(one);
    expect(unpack(packer.take())).toEqual([one]);
  });
});
