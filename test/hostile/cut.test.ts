/**
 * Every line that holds a stranger's text, cut at every length, as syslog daemons and Postfix itself cut what is too
 * long. What is left may end with the stranger's text, and still it must not name anybody by it: no login, no client,
 * no message of the victim.
 */
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/model/line.ts';
import type { LogRecord } from '../../src/model/record.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { eximParser } from '../../src/parse/exim/parser.ts';
import { postfixParser } from '../../src/parse/postfix/parser.ts';
import { EXIM_FIELDS, eximLine } from './exim-fields.ts';
import { buildCast, type Cast, EXIM_PAYLOADS, POSTFIX_PAYLOADS, toBytes } from './payloads.ts';
import { POSTFIX_FIELDS, postfixLine, type Scene } from './postfix-fields.ts';

const NOW = Date.parse('2026-11-10T09:05:07Z');

const SUITES = {
  postfix: {
    fields: POSTFIX_FIELDS,
    payloads: POSTFIX_PAYLOADS,
    line: postfixLine,
    parser: postfixParser,
  },
  exim: { fields: EXIM_FIELDS, payloads: EXIM_PAYLOADS, line: eximLine, parser: eximParser },
} as const;

/**
 * Exim logs these raw, so a line that is cut behind them reads byte for byte like an honest one. Exim's own limit is
 * 8 KiB, and what is longer than a syslog message it splits itself: see the tests of those limits.
 */
const UNLIMITED = new Set([
  'junk HELO name of an arrival',
  'junk HELO name of a refusal',
  "subject of a certificate in OpenSSL's form",
]);

/**
 * Whatever in a record says whose mail it is about. Not `next`: every remote server may answer with any queue ID, and
 * the correlator believes only our own filters.
 */
function listNames(record: LogRecord): string[] {
  const { kind, user, uid, client, originalClient, queueId, originalQueueId } = {
    user: undefined,
    uid: undefined,
    client: undefined,
    originalClient: undefined,
    queueId: undefined,
    originalQueueId: undefined,
    ...record,
  };
  const tried = kind === 'auth-failed'; // a failed login names what was typed, and counts for nobody
  const addresses = [client?.address, originalClient?.address];
  const names = [tried ? undefined : user, uid, ...addresses, queueId, originalQueueId];
  return names.filter((name) => name !== undefined);
}

function isForged(name: string, { victim, victimAddress, victimQueueId }: Cast, scene: Scene) {
  if (scene.user !== undefined && decodeText(scene.user).includes(name)) return false;
  return (
    [victim, victimAddress, victimQueueId].some((mark) => name.includes(mark)) || name === 'root'
  );
}

describe.each(['postfix', 'exim'] as const)('a line of %s, cut at every length', (mta) => {
  const { fields, payloads, line, parser } = SUITES[mta];
  const names = Object.keys(fields).filter((name) => !UNLIMITED.has(name));

  it.each(names)('%s', (name) => {
    const envelope = new Envelope({ zone: 'UTC', reference: NOW });
    const forged: unknown[] = [];
    for (const [index, payload] of payloads.entries()) {
      const cast = buildCast(index + 1, mta);
      const scene = fields[name]?.(cast, toBytes(payload(cast))) as Scene;
      for (const bytes of scene.lines.map((text) => line(text, NOW))) {
        for (let length = 40; length <= Math.min(bytes.length, 1200); length++) {
          const cut = bytes.slice(0, length);
          const logged = envelope.read({ source: 'x', line: 1, offset: 0, bytes: cut });
          const record = logged === undefined ? undefined : parser.parse(logged);
          if (record === undefined) continue;
          const wrong = listNames(record).filter((found) => isForged(found, cast, scene));
          if (wrong.length > 0) forged.push([cut, wrong]);
        }
      }
    }
    expect(forged.slice(0, 3)).toEqual([]);
  });
});
