/** The entries of `logs`: a path, or a section `journal` that says what of the journal is read. Part of `schema.ts`. */
import { z } from 'zod';
import { dropUndefined } from '../base/defined.ts';
import { list, section } from '../base/fields.ts';
import type { JournalSource } from '../follow/journal/follower.ts';
import type { Mta } from '../model/event.ts';
import { CONFIG_MTAS } from './mtas.ts';
import { account, path, text } from './option.ts';

/** What journald takes for the name of a unit, and docker for that of a container; `*` in units is ours. */
const unit = text('the name of a unit such as postfix@-.service', (value) =>
  /^[\w:.\\@*-]{1,255}$/.test(value),
);
const container = text('the name of a container', (value) =>
  /^[A-Za-z0-9][\w.-]{0,254}$/.test(value),
);
const uid = account.refine((value) => /^\d+$/.test(value), { error: 'a uid' });

const journal = section({
  units: list(unit, 'a list of units').optional(),
  containers: list(container, 'a list of containers').optional(),
  uids: list(uid, 'a list of uids').optional(),
  directory: path.optional(),
  files: path.optional(),
});

export type RawJournal = z.output<typeof journal>;

const journalEntry = section({
  journal: z.preprocess((value) => value ?? {}, journal),
});

/** One log. A union would report both alternatives for one mistake. */
export const log = z.unknown().transform((value, context) => {
  const schema = typeof value === 'object' && value !== null ? journalEntry : path;
  const result = schema.safeParse(value);
  if (result.success) return result.data as string | { journal: RawJournal };
  for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as never);
  return z.NEVER;
});

/** The name of a journal in messages, events and the database. */
export function nameJournal({ directory, files }: RawJournal): string {
  const place = files ?? directory;
  return place === undefined ? 'journal' : `journal:${place}`;
}

/** Without units and containers, what the mail server's own units write. */
export function resolveJournal(
  raw: RawJournal,
  mta: Mta,
  at: (path: string) => string,
): JournalSource {
  const { uids, containers = [] } = raw;
  const units = raw.units ?? (containers.length > 0 ? [] : CONFIG_MTAS[mta].units);
  const directory = raw.directory && at(raw.directory);
  const files = raw.files && at(raw.files);
  const place = dropUndefined({ directory, files });
  return dropUndefined({ name: nameJournal(place), units, containers, uids, ...place });
}
