/** What an envelope reader saves, since the lines to come depend on it. */
import { z } from 'zod';
import { openLinesSchema } from './parts.ts';
import { repeatsSchema } from './repeat.ts';

const stateSchema = z.object({
  stamps: z.object({ last: z.number().optional(), reference: z.number() }),
  parts: openLinesSchema,
  repeats: repeatsSchema,
});

/** The state that was saved; undefined when it is none. */
export function readState(state: unknown): z.infer<typeof stateSchema> | undefined {
  return stateSchema.safeParse(state).data;
}
