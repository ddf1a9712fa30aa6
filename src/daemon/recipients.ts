/** Assembles recipient verification: the options of the configuration or of scam.conf, and the database of answers. */
import { readFileSync, statSync } from 'node:fs';
import { getErrno, getMessage } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { MemorySaver } from '../base/memory-saver.ts';
import { type Clock, SECOND } from '../base/time.ts';
import type { RecipientsConfig } from '../config/milter-recipients.ts';
import { type ListedRecipient, parseBackList, writeBackList } from '../recipients/back-list.ts';
import { Verifier } from '../recipients/verifier.ts';
import { openRecipientStore, type RecipientStore } from '../store/recipients.ts';

/** Verification while a milter runs. */
export interface OpenVerifier {
  readonly verifier: Verifier;
  readonly store: RecipientStore;
  /** Writes what is not written yet, also into the BackList, and closes the database. Throws nothing. */
  close(): void;
}

/**
 * Opens the database and builds a verifier; `backList` is the file of scam-backscatter, read now and written at the end.
 * Throws a PosternError if the database cannot be used.
 */
export function openVerifier(
  { options, database }: RecipientsConfig,
  {
    clock,
    log,
    backList,
  }: { readonly clock: Clock; readonly log: Log; readonly backList?: string },
): OpenVerifier {
  const { store, moved } = openRecipientStore(database, options.cache.most);
  if (moved !== undefined)
    log.warn({ moved }, 'database of answers was damaged, and is begun anew');
  if (backList !== undefined) readBackListInto(store, backList, log);
  const verifier = new Verifier(options, { clock, log, store });
  // The cache can grow to a million addresses: half of the memory would be garbage.
  const saver = new MemorySaver();
  const saving = setInterval(() => saver.look(), SECOND).unref();
  return {
    verifier,
    store,
    close() {
      clearInterval(saving);
      verifier.close();
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
