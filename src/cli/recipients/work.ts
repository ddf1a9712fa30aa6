/** What every action of `postern recipients` needs: its options, and the database of answers. */
import { becomeAccount } from '../../base/account.ts';
import { PosternError } from '../../base/errors.ts';
import { HOST_ZONE } from '../../base/time.ts';
import { loadShared } from '../../config/load.ts';
import {
  DEFAULT_RECIPIENTS_DATABASE,
  type RecipientsConfig,
} from '../../config/milter-recipients.ts';
import { DEFAULTS, findHeloName } from '../../recipients/defaults.ts';
import { openRecipientStore, type RecipientStore } from '../../store/recipients.ts';
import { databaseOwner } from '../database.ts';
import type { CommonOptions, Io } from '../io.ts';

export type Action = 'list' | 'lookup' | 'forget' | 'import' | 'export';

export interface RecipientsOptions extends Omit<CommonOptions, 'format'> {
  readonly format?: 'text' | 'json' | 'csv';
  readonly since?: string;
  readonly until?: string;
  readonly recipient?: string;
  readonly database?: string;
  readonly domain?: string;
  readonly valid?: boolean;
  readonly invalid?: boolean;
  readonly limit?: string;
  readonly ask?: boolean;
  readonly all?: boolean;
  readonly output?: string;
}

export interface Work {
  readonly config: RecipientsConfig;
  /** of times that do not name one */
  readonly zone: string;
  readonly words: readonly string[];
  readonly options: RecipientsOptions;
  readonly io: Io;
}

/** With --database, no configuration is needed: a milter may run from scam.conf alone. */
export function findConfig({ config, database }: RecipientsOptions): Pick<Work, 'config' | 'zone'> {
  const otherwise: RecipientsConfig = {
    database: database ?? DEFAULT_RECIPIENTS_DATABASE,
    options: { ...DEFAULTS, callout: { ...DEFAULTS.callout, helo: findHeloName() } },
  };
  if (database !== undefined && config === undefined) {
    return { config: otherwise, zone: HOST_ZONE };
  }
  const { milter, zone } = loadShared(config);
  const found = milter?.recipients ?? otherwise;
  return { config: database === undefined ? found : { ...found, database }, zone };
}

/** As the account of the milter, so that no file becomes root's. */
export function withRecipients<T>(
  { database, options }: RecipientsConfig,
  mustExist: boolean,
  work: (store: RecipientStore) => T,
): T {
  const owner = databaseOwner(database);
  if (owner !== undefined) becomeAccount(owner);
  const { store } = openRecipientStore(database, options.cache.most, { mustExist });
  try {
    return work(store);
  } finally {
    store.close();
  }
}

export function expectNone(words: readonly string[]): void {
  if (words.length > 0)
    throw new PosternError('usage', `recipients: unexpected argument ${JSON.stringify(words[0])}`);
}
