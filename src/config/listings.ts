/** The options of `listings` as the program uses them, and the key that they name. */
import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { dropUndefined } from '../base/defined.ts';
import { getErrno, PosternError } from '../base/errors.ts';
import { parseSubject } from '../probe/query-name.ts';
import { parseServer } from '../probe/resolver.ts';
import type { ListingsConfig } from './config.ts';
import type { listings } from './listings-schema.ts';

/** Addresses in their canonical form; `at` makes a path absolute. */
export function resolveListings(
  raw: z.output<typeof listings>,
  at: (path: string) => string,
): ListingsConfig {
  const { interval, addresses, names, lists, resolver, dqsKeyFile } = raw;
  const canonical = (text: string) => parseSubject(text)?.subject ?? text;
  return dropUndefined({
    interval,
    addresses: addresses?.map(canonical),
    names: names?.map(canonical),
    lists,
    resolver: resolver === undefined ? undefined : parseServer(resolver),
    dqsKeyFile: dqsKeyFile === undefined ? undefined : at(dqsKeyFile),
  });
}

/**
 * The key of the Spamhaus Data Query Service; undefined if the configuration names none. Throws a PosternError that does
 * not show what the file has.
 */
export function readDqsKey(config: ListingsConfig | undefined): string | undefined {
  const file = config?.dqsKeyFile;
  if (file === undefined) return undefined;
  const key = readFirstLine(file);
  if (key !== undefined && /^[a-z0-9]{8,63}$/i.test(key)) return key.toLowerCase();
  const message = `${file}: expected a key of the Data Query Service, letters and digits, in the first line`;
  throw new PosternError('configuration', message, { code: 'config', place: { file } });
}

function readFirstLine(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n', 1)[0]?.trim();
  } catch (error) {
    const message = `${file}: cannot read the key of the Data Query Service (${getErrno(error)})`;
    throw new PosternError('configuration', message, { code: 'config', place: { file } });
  }
}
