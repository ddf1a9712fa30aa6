/** `postern recipients import`: answers from a file. */
import { readFileSync, statSync } from 'node:fs';
import { EXIT, type ExitStatus, getCause, located, PosternError } from '../../base/errors.ts';
import { escapeControls } from '../../base/escape.ts';
import { counted } from '../../base/text.ts';
import { systemClock } from '../../base/time.ts';
import { mergeBackList } from '../../daemon/recipients.ts';
import { parseRecipient } from '../../recipients/address.ts';
import { parseBackList } from '../../recipients/back-list.ts';
import type { StoredAnswer } from '../../store/recipients.ts';
import { Progress } from '../progress.ts';
import { toBytes } from './address.ts';
import { printCounts } from './forms.ts';
import { type Work, withRecipients } from './work.ts';

/** Takes lines of a BackList and those of `export --format json`. Broken lines are named and passed over. */
export function runImport({ config, words, options, io }: Work): ExitStatus {
  const [file, ...more] = words;
  if (file === undefined || more.length > 0)
    throw new PosternError('usage', 'recipients import: name one file, or - for standard input');
  const { text, written } = readImport(file);
  const { answers, listed, problems } = parseImport(text);
  for (const { line, text: problem } of problems)
    io.stderr(`${escapeControls(located({ file, line }, `passed over: ${problem}`))}\n`);
  return withRecipients(config, false, (store) => {
    const progress = new Progress(io, 'line');
    const whole = answers.length + listed.length;
    inParts(answers, (part, at) => {
      const failure = store.write(part);
      if (failure !== undefined) throw new PosternError('environment', failure);
      progress.add(part.length, (at + part.length) / whole);
    });
    inParts(listed, (part, at) => {
      mergeBackList(store, part, written);
      progress.add(part.length, (answers.length + at + part.length) / whole);
    });
    progress.end();
    const [count, passed] = [answers.length + listed.length, problems.length];
    const text = `${counted(count, 'recipient')} imported, ${counted(passed, 'line')} passed over.\n`;
    printCounts({ imported: count, passedOver: passed }, text, { options, io });
    return EXIT.done;
  });
}

/** Lines of an import that are one transaction. */
const PART = 10_000;

function inParts<T>(all: readonly T[], work: (part: readonly T[], at: number) => void): void {
  for (let at = 0; at < all.length; at += PART) work(all.slice(at, at + PART), at);
}

/** Before root becomes another account: the file may be root's. */
function readImport(file: string): { readonly text: string; readonly written: number } {
  try {
    if (file === '-') return { text: readFileSync(0, 'latin1'), written: systemClock.now() };
    return { text: readFileSync(file, 'latin1'), written: statSync(file).mtimeMs };
  } catch (error) {
    throw new PosternError('environment', `${file}: cannot be read: ${getCause(error)}`, {
      place: { file },
      cause: error,
    });
  }
}

/** JSON lines have times; the others keep their line numbers. */
function parseImport(text: string) {
  const answers: StoredAnswer[] = [];
  const lines = text.split('\n').map((line) => {
    const answer = line.startsWith('{') ? parseJsonAnswer(line) : undefined;
    if (answer === undefined) return line;
    answers.push(answer);
    return '';
  });
  const { value: listed, problems } = parseBackList(lines.join('\n'));
  return { answers, listed, problems };
}

function parseJsonAnswer(line: string): StoredAnswer | undefined {
  try {
    const value = JSON.parse(Buffer.from(line, 'latin1').toString('utf8'));
    const recipient = parseRecipient(toBytes(String(value.address)));
    const time = Date.parse(String(value.time));
    if (recipient === undefined || typeof value.valid !== 'boolean' || Number.isNaN(time))
      return undefined;
    return { address: recipient.address, isValid: value.valid, time };
  } catch {
    return undefined;
  }
}
