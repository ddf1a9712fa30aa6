/**
 * Exim's failed login:
 *
 *     NAME authenticator failed for [H=][NAME ][(HELO) ][IP][:PORT]: 535 Incorrect authentication data[ (set_id=LOGIN)]
 *
 * A login of other characters than those of addresses may hold a second line: it goes the plain way.
 */
import type { AuthFailedRecord } from '../model/record.ts';
import { createAuthFailure } from '../parse/exim/auth.ts';
import { type ByteCursor, LOGIN, NAME, toBytes } from './bytes.ts';
import { skipWord, takeClient, takeWord } from './exim-parts.ts';
import { OTHER } from './outcome.ts';

const FAILED = toBytes(' authenticator failed for ');
const CLIENT = toBytes('H=');
const WRONG_PASSWORD = toBytes(': 535 Incorrect authentication data');
const LOGGED_IN = toBytes(' (set_id=');
const LOGIN_END = toBytes(')');

/** Reads the line from its beginning. */
export function scanEximLogin(cursor: ByteCursor): AuthFailedRecord | typeof OTHER {
  if (!skipWord(cursor, NAME) || !cursor.take(FAILED)) return OTHER;
  cursor.take(CLIENT);
  const client = takeClient(cursor);
  if (client === undefined || !cursor.take(WRONG_PASSWORD)) return OTHER;
  if (cursor.atEnd) return createAuthFailure(client, undefined, INCORRECT);
  const user = cursor.take(LOGGED_IN) ? takeWord(cursor, LOGIN) : undefined;
  if (user === undefined || !cursor.take(LOGIN_END) || !cursor.atEnd) return OTHER;
  return createAuthFailure(client, user, INCORRECT);
}

const INCORRECT = '535 Incorrect authentication data';
