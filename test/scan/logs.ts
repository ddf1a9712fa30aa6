/** Log lines to compare both ways of reading with: all sample logs, and the made-up server's. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateLog, type LogOptions } from '../../bench/generate.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

export interface SampleLog {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The sample logs of the tests and the demo, without the expectations between their lines. */
export function readSamples(): SampleLog[] {
  const names = globSync(['test/{logs,scenarios}/**/*.log', 'demo/*.log'], { cwd: ROOT }).sort();
  return names.map((name) => {
    const lines = readFileSync(join(ROOT, name), 'latin1').split('\n');
    const logged = lines.filter((line) => line !== '' && !line.startsWith('#'));
    return { name, bytes: Buffer.from(logged.map((line) => `${line}\n`).join(''), 'latin1') };
  });
}

/** The logs of a made-up hosting server, which is what the scanner is for. */
export function makeLogs(lines: number): SampleLog[] {
  const kinds: readonly Omit<LogOptions, 'lines'>[] = [
    { mta: 'postfix', prefix: 'rfc3339' },
    { mta: 'postfix', prefix: 'rfc3164', seed: 2 },
    { mta: 'exim', prefix: 'exim' },
  ];
  return kinds.map((kind) => ({
    name: `${kind.mta} ${kind.prefix}`,
    bytes: Buffer.from([...generateLog({ ...kind, lines })].join(''), 'latin1'),
  }));
}

const PREFIX =
  /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) [\w.-]+ (?=[\w./-]+\[\d+\]: )/;

const EXIM_STAMP = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?(?: [+-]\d{4})? (?!\[)/;

/** The same for Exim's own files. */
export function listEximTexts(logs: readonly SampleLog[]): string[] {
  const lines = logs.flatMap(({ bytes }) => bytes.toString('latin1').split('\n'));
  return lines.filter((line) => EXIM_STAMP.test(line)).map((line) => line.replace(EXIM_STAMP, ''));
}

/** What stands behind the prefixes of these logs, to be told again under any other prefix. */
export function listMessages(logs: readonly SampleLog[]): string[] {
  const lines = logs.flatMap(({ bytes }) => bytes.toString('latin1').split('\n'));
  return lines.filter((line) => PREFIX.test(line)).map((line) => line.replace(PREFIX, ''));
}
