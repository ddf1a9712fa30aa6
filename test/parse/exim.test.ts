/** Sample lines of test/logs/exim. The comment above each is the record that it must give, `# null` for none. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeText } from '../../src/model/line.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { createEximParser } from '../../src/parse/exim/parser.ts';

const folder = fileURLToPath(new URL('../logs/exim/', import.meta.url));

interface Sample {
  readonly line: number;
  readonly text: string;
  readonly expected: unknown;
}

/** Pairs of comment and line; a line without its comment is an error in the file. */
function samplesOf(file: string): Sample[] {
  const lines = readFileSync(`${folder}${file}`, 'latin1').split('\n');
  if (lines.pop() !== '') throw new Error(`${file}: no newline at its end`);
  const samples: Sample[] = [];
  for (let index = 0; index < lines.length; index += 2) {
    const comment = lines[index] ?? '';
    const text = lines[index + 1];
    if (!comment.startsWith('# ') || text === undefined) {
      throw new Error(`${file}:${index + 1}: expected a comment and the line it is about`);
    }
    samples.push({ line: index + 2, text, expected: JSON.parse(decodeText(comment.slice(2))) });
  }
  return samples;
}

const files = readdirSync(folder).filter((file) => file.endsWith('.log'));

it('has samples', () => {
  expect(files).toContain('hostile.log');
});

describe.each(files)('%s', (file) => {
  it.each(samplesOf(file))('line $line', ({ line, text, expected }) => {
    const envelope = new Envelope({ zone: 'UTC', reference: Date.parse('2026-11-02T00:00:00Z') });
    const logged = envelope.read({ source: file, line, offset: 0, bytes: text });
    const record = logged === undefined ? undefined : createEximParser().parse(logged);
    expect(record ?? null).toEqual(expected);
  });
});
