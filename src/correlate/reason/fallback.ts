/**
 * What status and code say when no words decide: the detail table of RFC 3463 with its later additions
 * (RFC 7505, 7372, 8601 and the registry), then RFC 5321 4.2.3. A weak hint, therefore last.
 */
import type { Reason } from '../../model/event.ts';

const BY_STATUS: Readonly<Record<string, Reason>> = {
  '1.0': 'invalid-recipient',
  '1.1': 'invalid-recipient',
  '1.2': 'invalid-domain',
  '1.3': 'invalid-recipient',
  '1.6': 'invalid-recipient',
  '1.7': 'reputation',
  '1.8': 'reputation',
  '1.10': 'invalid-domain',
  '2.1': 'invalid-recipient',
  '2.2': 'mailbox-full',
  '2.3': 'too-big',
  '3.4': 'too-big',
  '4.1': 'network',
  '4.2': 'network',
  '4.3': 'network',
  '4.4': 'invalid-domain',
  '4.5': 'rate-limited',
  '4.7': 'network',
  '5.3': 'rate-limited',
  '7.1': 'reputation',
  '7.8': 'auth',
  '7.9': 'auth',
  '7.10': 'network',
  '7.12': 'auth',
  '7.13': 'auth',
  '7.17': 'invalid-recipient',
  '7.18': 'invalid-domain',
  '7.20': 'auth',
  '7.21': 'auth',
  '7.22': 'auth',
  '7.23': 'auth',
  '7.24': 'auth',
  '7.25': 'reputation',
  '7.26': 'auth',
  '7.27': 'reputation',
  '7.28': 'rate-limited',
  '7.29': 'auth',
  '7.30': 'network',
};

/** Only a 5yz says that the address itself is wrong. */
const TEMPORARY: Readonly<Record<string, Reason>> = {
  '1.1': 'invalid-recipient',
  '2.1': 'other',
  '4.4': 'network',
  '1.0': 'other',
  '7.1': 'other',
  '7.8': 'auth',
};

const BY_CODE: Readonly<Record<number, Reason>> = {
  521: 'invalid-domain',
  523: 'too-big',
  530: 'auth',
  534: 'auth',
  535: 'auth',
  538: 'auth',
  551: 'invalid-recipient',
  552: 'mailbox-full',
  556: 'invalid-domain',
};

/** x.6.y is about the message's content, but for 6.7 and up: addresses that need SMTPUTF8 (RFC 6531). */
function isContent(detail: string): boolean {
  return detail.startsWith('6.') && !/^6\.(?:[4789]|10)$/.test(detail);
}

/** Reason by enhanced status, else by code, else `other`. */
export function fallback(
  code: number | undefined,
  status: string | undefined,
): { readonly reason: Reason; readonly by: string } {
  const detail = status?.slice(2) ?? '';
  const temporary = status?.startsWith('4') === true ? TEMPORARY[detail] : undefined;
  const byStatus =
    temporary ?? BY_STATUS[detail] ?? (isContent(detail) ? 'spam-or-content' : undefined);
  if (byStatus !== undefined) return { reason: byStatus, by: 'status' };
  const byCode = code === undefined ? undefined : BY_CODE[code];
  return byCode === undefined ? { reason: 'other', by: 'none' } : { reason: byCode, by: 'code' };
}
