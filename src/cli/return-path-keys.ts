/** Where the commands of signed return paths find their keys. */
import { existsSync } from 'node:fs';
import { PosternError } from '../base/errors.ts';
import { KEY_FILE, readKeyFile } from '../sign/key-file.ts';
import { findSigning, listVerifying } from '../sign/keys.ts';
import type { Key } from '../sign/scheme.ts';
import type { CommonOptions } from './io.ts';

export interface KeyOptions extends CommonOptions {
  /** the key file */
  readonly keys?: string;
}

/** As --keys says, else as the configuration does, if there is one. Throws a PosternError for a wrong configuration. */
export async function findKeyFile(options: KeyOptions): Promise<string> {
  if (options.keys !== undefined) return options.keys;
  const { DEFAULT_CONFIG_FILE, loadShared } = await import('../config/load.ts');
  if (options.config === undefined && !existsSync(DEFAULT_CONFIG_FILE)) return KEY_FILE;
  return loadShared(options.config).milter?.returnPath?.keys ?? KEY_FILE;
}

/** The key that signs. Throws a PosternError as `readKeyFile`, and (environment) when all are retired. */
export async function readSigningKey(options: KeyOptions): Promise<Key> {
  const file = await findKeyFile(options);
  const key = findSigning(readKeyFile(file));
  if (key !== undefined) return key;
  throw new PosternError('environment', `${file}: all keys are retired; run: postern key add`);
}

/** The keys that verify at a time, ms. Throws a PosternError as `readKeyFile`. */
export async function readVerifyingKeys(options: KeyOptions, now: number): Promise<Key[]> {
  return listVerifying(readKeyFile(await findKeyFile(options)), now);
}
