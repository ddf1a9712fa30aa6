/**
 * The text of a refusal (`y`), in the one form that Sendmail and all versions of Postfix pass on as it is meant. Text may
 * come from anywhere: what a reply cannot hold is replaced. Pure.
 */
import { encodeFrame } from './frame.ts';
import type { Refusal } from './verdict.ts';

/** libmilter takes no more. */
const MOST_LINES = 32;
/** RFC 5321 4.5.3.1.5: 512 with CRLF. Codes take 16, and Sendmail puts the address into the first line. */
const LONGEST_LINE = 200;
const NO_TEXT = 'Refused';

/** The frame. Throws a RangeError when code and status do not fit together: a bug of ours. */
export function encodeRefusal({ code, status, text }: Refusal): string {
  assertCodes(code, status);
  const lines = foldText(text);
  const last = lines.length - 1;
  const reply = lines.map((line, at) => `${code}${at < last ? '-' : ' '}${status} ${line}`);
  return encodeFrame('y', `${reply.join('\r\n').replaceAll('%', '%%')}\0`);
}

/** Postfix puts the filter in error, and Sendmail answers something else, if the classes differ or are not 4 or 5. */
function assertCodes(code: number, status: string): void {
  const isCode = Number.isInteger(code) && code >= 400 && code <= 599;
  const isStatus = /^[45]\.\d{1,3}\.\d{1,3}$/.test(status);
  if (!isCode || !isStatus || status[0] !== String(code)[0])
    throw new RangeError(`not a refusal: ${code} ${status}`);
}

/** Lines of printable ASCII, none empty, none too long; cut at blanks if possible. */
function foldText(text: string): string[] {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) =>
      line
        .replace(/\t/g, ' ')
        .replace(/[^ -~]+/g, '?')
        .trim(),
    )
    .filter((line) => line !== '')
    .flatMap(foldLine);
  return lines.length === 0 ? [NO_TEXT] : lines.slice(0, MOST_LINES);
}

function foldLine(line: string): string[] {
  const parts: string[] = [];
  let rest = line;
  while (rest.length > LONGEST_LINE && parts.length < MOST_LINES) {
    const blank = rest.lastIndexOf(' ', LONGEST_LINE);
    const end = blank > 0 ? blank : LONGEST_LINE;
    parts.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return rest === '' ? parts : [...parts, rest.slice(0, LONGEST_LINE)];
}
