/** What containers put around a line: compose's name column, CRI's stream and tag; and what belongs to no line at all. */

/** Without a hole of NUL bytes or a BOM in front, and without the CR before the line feed. */
export function clean(bytes: string): string {
  let start = 0;
  while (bytes.charCodeAt(start) === 0) start++;
  if (bytes.charCodeAt(start) === 0xef && bytes.startsWith('\xef\xbb\xbf', start)) start += 3;
  const end = bytes.charCodeAt(bytes.length - 1) === 0x0d ? bytes.length - 1 : bytes.length;
  return start === 0 && end === bytes.length ? bytes : bytes.slice(start, end);
}

/** Index after `postfix-1  | ` as `docker compose logs` writes it; `at` when there is none. */
export function afterCompose(text: string, at: number): number {
  const space = text.indexOf(' ', at);
  if (space <= at || space > at + 100) return at;
  let bar = space + 1;
  while (bar < space + 100 && text.charCodeAt(bar) === 0x20) bar++;
  return text.startsWith('| ', bar) ? bar + 2 : at;
}

/** `stdout F ` (a whole line or its last part) or `stderr P ` (to be continued) of the container runtime interface. */
interface CriMark {
  readonly stream: string;
  readonly partial: boolean;
  /** index after it */
  readonly end: number;
}

/** Reads the CRI fields behind the stamp, at `at`. */
export function criMark(text: string, at: number): CriMark | undefined {
  if (!text.startsWith('stdout ', at) && !text.startsWith('stderr ', at)) return undefined;
  const kind = text.slice(at + 7, at + 9);
  if (kind !== 'F ' && kind !== 'P ') return undefined;
  return { stream: text.slice(at, at + 6), partial: kind === 'P ', end: at + 9 };
}
