/** Composes mails from sections, as text and as HTML. Sends nothing. */
import { randomUUID } from 'node:crypto';
import { escapeControls, escapeHtml, escapeHtmlField, escapeOutput } from '../base/escape.ts';
import type { Style } from '../model/style.ts';
import type { Mail, MailImage } from './mail.ts';

/** A mail that has no sender and no recipient yet. */
export interface ComposedNotice {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly images?: readonly MailImage[];
}

/** One mail for each recipient, so that one who refuses it does not keep it from the others. `created` in ms. */
export function addressMails(
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

/** One part of a notice: a heading and its lines. Text is not escaped yet. */
export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
  /** log lines and commands, which are not wrapped */
  readonly literal?: boolean;
}

const WIDTH = 78;
const LONGEST_SUBJECT = 200;

/**
 * A mail of these sections about the server that `style` names; the subject gets its name and the mark of Postern. Control
 * characters and markup are escaped here, wherever they come from.
 */
export function compose(
  subject: string,
  sections: readonly Section[],
  { host }: Style,
): ComposedNotice {
  const server = host === undefined ? '' : `Server: ${host}`;
  return {
    subject: escapeControls(buildSubject(subject, host)).slice(0, LONGEST_SUBJECT),
    text: `${server && `${escapeControls(server)}\n\n`}${sections.map(sectionToText).join('\n\n')}\n`,
    html: `<!DOCTYPE html>\n<html lang="en"><body style="font-family: sans-serif">\n${server && `<p>${escapeHtmlField(server)}</p>\n`}${sections.map(sectionToHtml).join('\n')}\n</body></html>\n`,
  };
}

/** `[postern] mx1: alice blocked` */
export function buildSubject(text: string, host: string | undefined): string {
  return host === undefined ? `[postern] ${text}` : `[postern] ${host}: ${text}`;
}

function sectionToText({ title, rows, literal }: Section): string {
  const heading = escapeControls(title);
  const lines = rows.map((row) => {
    if (typeof row !== 'string') {
      const [label, value] = row;
      return wrap(`  ${escapeControls(label)}: ${escapeControls(value)}`, '      ');
    }
    return literal === true ? `  ${escapeControls(row)}` : wrap(escapeControls(row), '');
  });
  return [heading, '-'.repeat(Math.min(heading.length, WIDTH)), ...lines].join('\n');
}

function sectionToHtml({ title, rows, literal }: Section): string {
  const heading = `<h3>${escapeHtmlField(title)}</h3>`;
  if (literal === true) {
    return `${heading}\n<pre>${rows.map((row) => escapeHtmlField(String(row))).join('\n')}</pre>`;
  }
  const cells = rows.map((row) => {
    if (typeof row === 'string') return `<tr><td colspan="2">${escapeHtmlField(row)}</td></tr>`;
    const [label, value] = row;
    return `<tr><td>${escapeHtmlField(label)}</td><td>${escapeHtmlField(value)}</td></tr>`;
  });
  return `${heading}\n<table>\n${cells.join('\n')}\n</table>`;
}

/** Breaks at spaces; later lines start with `indent`. A word that is longer than a line is not broken. */
export function wrap(text: string, indent: string): string {
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
  return `<!DOCTYPE html>\n<html lang="en"><body><pre>${escapeHtml(escapeOutput(text))}</pre></body></html>\n`;
}
