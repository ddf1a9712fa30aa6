/**
 * Sections as a mail's text and HTML, and what makes words of a log harmless wherever people read them. Nothing is
 * sent here.
 */
import { randomUUID } from 'node:crypto';
import type { Mail } from './mail.ts';

/** A mail before it has sender and recipient. */
export interface ComposedNotice {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** For each recipient a mail of its own: one who does not take it does not keep it from the others. `created` in ms. */
export function findAddresses(
  notice: ComposedNotice,
  { from, to, created }: { from: string; to: readonly string[]; created: number },
): Mail[] {
  const domain = from.slice(from.lastIndexOf('@') + 1);
  return to.map((recipient) => {
    const messageId = `<${randomUUID()}@${domain}>`;
    return { ...notice, messageId, recipient, created };
  });
}

/** A line of a section: plain text, or a label and its value. */
export type Row = string | readonly [string, string];

/** One part of a notice: heading and lines of `[label, value]` or plain text. */
export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
  /** log lines and commands: shown as they are */
  readonly literal?: boolean;
}

const WIDTH = 78;

/** A word that the reader's shell takes as it is: log content must not run when it is pasted. */
export function shellQuoted(text: string): string {
  return /^[\w@.:/+][\w@.:/+-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A mail of these sections. */
export function compose(subject: string, sections: readonly Section[]): ComposedNotice {
  return {
    subject: visible(subject).slice(0, 200),
    text: `${sections.map(sectionText).join('\n\n')}\n`,
    html: `<!DOCTYPE html>\n<html lang="en"><body style="font-family: sans-serif">\n${sections.map(sectionHtml).join('\n')}\n</body></html>\n`,
  };
}

function sectionText({ title, rows, literal }: Section): string {
  const heading = visible(title);
  const lines = rows.map((row) => {
    if (typeof row === 'string')
      return literal === true ? `  ${visible(row)}` : wrap(visible(row), '');
    const [label, value] = row;
    return wrap(`  ${visible(label)}: ${visible(value)}`, '      ');
  });
  return [heading, '-'.repeat(Math.min(heading.length, WIDTH)), ...lines].join('\n');
}

function sectionHtml({ title, rows, literal }: Section): string {
  const heading = `<h3>${escapeHtml(visible(title))}</h3>`;
  if (literal === true) {
    return `${heading}\n<pre>${rows.map((row) => escapeHtml(visible(String(row)))).join('\n')}</pre>`;
  }
  const cells = rows.map((row) => {
    if (typeof row === 'string') return `<tr><td colspan="2">${escapeHtml(visible(row))}</td></tr>`;
    const [label, value] = row;
    return `<tr><td>${escapeHtml(visible(label))}</td><td>${escapeHtml(visible(value))}</td></tr>`;
  });
  return `${heading}\n<table>\n${cells.join('\n')}\n</table>`;
}

/** Control characters, line separators and bidirectional marks as visible escapes: one field stays one line. */
export function visible(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Text as HTML, between tags or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Breaks at spaces; later lines start with `indent`. A word longer than a line stays whole. */
function wrap(text: string, indent: string): string {
  const margin = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = '';
  for (const word of text.slice(margin.length).split(' ')) {
    if (line === '') line = margin + word;
    else if (line.length + 1 + word.length <= WIDTH) line += ` ${word}`;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  return [...lines, line].join('\n');
}

/** Plain text as HTML that keeps its columns. */
export function plainHtml(text: string): string {
  return `<!DOCTYPE html>\n<html lang="en"><body><pre>${escapeHtml(text)}</pre></body></html>\n`;
}
