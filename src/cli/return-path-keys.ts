/** Where the commands of signed return paths find their keys. */
import { PosternError } from '../base/errors.ts';
import { KEY_FILE, readKeyFile } from '../sign/key-file.ts';
import { findSigning, listVerifying } from '../sign/keys.ts';
import type { Key } from '../sign/scheme.ts';
import type { CommonOptions } from './io.ts';

export interface KeyOptions extends CommonOptions {
  /** the key file */
  readonly keys?: string;
}

export function findKeyFile(options: KeyOptions): string {
  return options.keys ?? KEY_FILE;
}

/** The key that signs. Throws a PosternError as `readKeyFile`, and (environment) when all are retired. */
export function readSigningKey(options: KeyOptions): Key {
  const file = findKeyFile(options);
  const key = findSigning(readKeyFile(file));
  if (key !== undefined) return key;
  throw new PosternError('environment', `${file}: all keys are retired; run: postern key add`);
}

/** The keys that verify at a time, ms. Throws a PosternError as `readKeyFile`. */
export function readVerifyingKeys(options: KeyOptions, now: number): Key[] {
  return listVerifying(readKeyFile(findKeyFile(options)), now);
}
