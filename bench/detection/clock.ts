/** Times of day as stories write them, and the seed that a name gives. */
import { HOUR, MINUTE } from './story.ts';

/** Time since midnight of the first day, ms, for `HH:MM` or, a day later, `1+HH:MM`. Throws for anything else. */
export function clock(text: string): number {
  const found = /^(?:(\d+)\+)?(\d\d):(\d\d)$/.exec(text);
  if (found === null) throw new Error(`${text}: expected HH:MM or 1+HH:MM`);
  const [, days = '0', hours, minutes] = found;
  return (Number(days) * 24 + Number(hours)) * HOUR + Number(minutes) * MINUTE;
}

/** The same backwards; seconds are dropped. */
export function asClock(time: number): string {
  const minutes = Math.floor(time / MINUTE);
  const days = Math.floor(minutes / 1440);
  const parts = [Math.floor(minutes / 60) % 24, minutes % 60].map((n) =>
    String(n).padStart(2, '0'),
  );
  return `${days > 0 ? `${days}+` : ''}${parts.join(':')}`;
}

/** FNV-1a, 32 bits. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const letter of text) value = Math.imul(value ^ letter.charCodeAt(0), 0x01000193);
  return value >>> 0;
}
