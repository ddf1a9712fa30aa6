/**
 * Failed AUTH of a client: `NAME authenticator failed for [H=]HOST...: 535 Incorrect authentication data (set_id=U)`.
 *
 * Only 535 is a guess; 435 (our own backend), 501 and 553 (the client gave up) are undefined, and so is Exim's own
 * failure at a smarthost (`authenticator failed H=...`). U is what the client typed, from the first ` (set_id=` to
 * the last `)`: whatever it holds, the guess counts for the HOST before it.
 */
import type { AuthFailedRecord } from '../../model/record.ts';
import { Reader } from '../reader.ts';
import { clientHost, isForged, skipInterface } from './host.ts';
import { oneLine, printed } from './text.ts';

const FAILED = ' authenticator failed for ';

/** Reads a whole line without its message ID. */
export function parseAuthFailure(text: string): AuthFailedRecord | undefined {
  const reader = new Reader(text);
  if (reader.word() === undefined || !reader.literal(FAILED)) return undefined;
  reader.literal('H=');
  const client = clientHost(reader);
  if (client === undefined) return undefined;
  skipInterface(reader);
  const ident = reader.literal(' U=');
  if (!(ident ? reader.until(': 535 ') !== undefined : reader.literal(': 535 '))) return undefined;
  const rest = reader.rest();
  // Text of an identd could end the line early, so then nothing may look like a second end.
  if (isForged(beforeName(rest)) || (ident && rest.includes(': 535 '))) return undefined;
  return buildRecord(client, rest);
}

/** What stands before the name that the client typed, which may hold anything (auth.c prints it last). */
function beforeName(rest: string): string {
  const at = rest.indexOf(' (set_id=');
  return at < 0 || !rest.endsWith(')') ? rest : rest.slice(0, at);
}

function buildRecord(client: AuthFailedRecord['client'], rest: string): AuthFailedRecord {
  const at = rest.indexOf(' (set_id=');
  const record = { kind: 'auth-failed', client, code: 535 } as const;
  if (at < 0) return { ...record, reply: `535 ${oneLine(rest)}` };
  const user = rest.slice(at + 9, rest.endsWith(')') ? -1 : undefined);
  const reply = `535 ${oneLine(rest.slice(0, at))}`;
  return user === '' ? { ...record, reply } : { ...record, user: printed(user), reply };
}
