/** Clients as a page of events has them. */

/**
 * A client without its text: an IPv4 address as a signed number of 32 bits, which V8 keeps without an object, or the text of
 * another one.
 */
export type ClientValue = number | string;

/** The address as the log has it. */
export function formatClient(value: ClientValue): string {
  if (typeof value === 'string') return value;
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}
