/**
 * Since when each domain has signed, in a file of the milter's own: mail that went out before has no signature, and its
 * bounces must not be refused. A domain that stops signing begins anew.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile } from '../../../base/files.ts';
import { formatTime } from '../../../base/time.ts';
import { LAST_BOUNCE } from '../../../sign/keys.ts';

/** domain to ms */
type Since = ReadonlyMap<string, number>;

/** Reads and updates the record. Throws the system error when it cannot be written. */
export function recordSigning(file: string, domains: readonly string[], now: number): Since {
  const before = readSince(file);
  const since = new Map(
    domains.map((domain) => [domain, Math.min(before.get(domain) ?? now, now)]),
  );
  const isSame = since.size === before.size && domains.every((one) => before.has(one));
  if (isSame) return since;
  mkdirSync(dirname(file), { recursive: true, mode: 0o750 });
  const entries = [...since].map(([domain, time]) => [domain, formatTime(time)]);
  replaceFile(file, `${JSON.stringify(Object.fromEntries(entries))}\n`, 0o640);
  return since;
}

/** Empty when there is no record, or one that cannot be read: then the wait begins anew. */
function readSince(file: string): Since {
  try {
    const entries = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as object);
    const times = entries.map(([domain, stamp]) => [domain, Date.parse(String(stamp))] as const);
    return new Map(times.filter(([, time]) => !Number.isNaN(time)));
  } catch {
    return new Map();
  }
}

/** When the last bounce of a domain's unsigned mail must have come, ms; the latest of all domains. */
export function endOfWait(since: Since): number {
  return Math.max(...since.values()) + LAST_BOUNCE;
}
