/** Addresses of recipients: bytes as a byte string in the database, UTF-8 outside. */
import { PosternError } from '../../base/errors.ts';
import { escapeControls } from '../../base/escape.ts';
import { parseRecipient } from '../../recipients/address.ts';

export function readAddresses(words: readonly string[]): string[] {
  if (words.length === 0) throw new PosternError('usage', 'recipients: name at least one address');
  return words.map((word) => {
    const recipient = parseRecipient(toBytes(word));
    if (recipient !== undefined) return recipient.address;
    throw new PosternError('usage', `not an address: ${JSON.stringify(word)}`);
  });
}

export function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

export function shown(address: string): string {
  return escapeControls(toText(address));
}
