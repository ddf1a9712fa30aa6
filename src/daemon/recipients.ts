/** Assembles recipient verification: the options of the configuration or of scam.conf, and the database of answers. */
import { readFileSync, statSync } from 'node:fs';
import { getErrno, getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MemorySaver } from '../base/memory-saver.ts';
import { type Clock, SECOND } from '../base/time.ts';
import type { RecipientsConfig } from '../config/milter-recipients.ts';
import { type ListedRecipient, parseBackList, writeBackList } from '../recipients/back-list.ts';
import { AnswerCache } from '../recipients/cache.ts';
import { openRecipientStore, type RecipientStore } from '../store/recipients.ts';

/**
 * Addresses in memory above which memory counts for more than speed: of a million, half would be garbage. With fewer, the
 * process is large because of its connections, and to save costs three times the CPU time of a recipient.
 */
const MANY = 200_000;

/** What is known of recipients, while a milter runs. */
export interface OpenAnswers {
  readonly store: RecipientStore;
  readonly cache: AnswerCache;
  /** Writes what is not written yet, also into the BackList, and closes the database. Throws nothing. */
  close(): void;
}

/**
 * Opens the database; a BackList is read now and written at the end. Throws a PosternError if the database cannot be used.
 */
export function openAnswers(
  { options, database, backList }: RecipientsConfig,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): OpenAnswers {
  const { store, moved } = openRecipientStore(database, options.cache.most);
  if (moved !== undefined)
    log.warn({ moved }, 'database of answers was damaged, and is begun anew');
  if (backList !== undefined) readBackListInto(store, backList, log);
  const cache = new AnswerCache(options.cache, store, { clock, log });
  const saver = new MemorySaver();
  const saving = setInterval(() => {
    if (cache.size > MANY) saver.look();
  }, SECOND).unref();
  return {
    store,
    cache,
    close() {
      clearInterval(saving);
      cache.close();
      if (backList !== undefined) saveBackList(store, backList, log);
      store.close();
    },
  };
}

/** A BackList that does not exist yet, or cannot be read, costs nothing but its answers. */
function readBackListInto(store: RecipientStore, file: string, log: Log): void {
  try {
    const { value, problems } = parseBackList(readFileSync(file, 'latin1'));
    for (const { line, text } of problems)
      log.warn({ file, line, problem: text }, 'line is passed over');
    const count = mergeBackList(store, value, statSync(file).mtimeMs);
    log.info({ file, addresses: value.length, added: count }, 'BackList was read');
  } catch (error) {
    if (getErrno(error) === 'ENOENT') return;
    log.warn({ file, failure: getMessage(error) }, 'BackList cannot be read');
  }
}

/**
 * Adds what a BackList says to the database; returns how many answers that changed. The file has no times, so an answer is
 * as old as the file (`written`, ms), and the database keeps its own time for an answer that is the same: else every
 * restart would make all answers young again.
 */
export function mergeBackList(
  store: RecipientStore,
  recipients: readonly ListedRecipient[],
  written: number,
): number {
  const changed = recipients.filter(({ address, isValid }) => {
    const known = store.read(address);
    return known === undefined || (known.isValid !== isValid && known.time <= written);
  });
  store.write(changed.map((one) => ({ ...one, time: written })));
  return changed.length;
}

function saveBackList(store: RecipientStore, file: string, log: Log): void {
  try {
    writeBackList(file, store.list());
  } catch (error) {
    log.warn({ file, failure: getMessage(error) }, 'BackList cannot be written');
  }
}
