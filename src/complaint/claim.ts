/** What a feedback report claims about a message, and the file in which `postern complaint` hands it to the service. */
import { z } from 'zod';

/** Characters of an address, a Message-ID or a queue ID. */
export const LONGEST = 320;
/** Received fields and recipients. */
export const MOST = 20;
/** Bytes of a file; a claim of the largest texts fits. */
export const LONGEST_FILE = 40_000;

const text = z.string().min(1).max(LONGEST);
/** ms since the epoch */
const time = z.int().nonnegative();

const claimSchema = z.strictObject({
  /** Message-ID of the message, without brackets */
  messageId: text,
  /** from its Received fields: queue IDs with the time at which a host took the message */
  hops: z.array(z.strictObject({ queueId: text, time })).max(MOST),
  /** when the message came to the host of the report */
  arrival: time.optional(),
  sender: text.optional(),
  recipients: z.array(text).max(MOST),
});

export type Claim = z.output<typeof claimSchema>;

/** Reads a file of the folder; undefined for anything that is not a claim. Any account may have written it. */
export function parseClaim(json: string): Claim | undefined {
  try {
    return claimSchema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}
