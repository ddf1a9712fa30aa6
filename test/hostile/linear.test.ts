/**
 * No bytes throw, and none take long: the time of a line is at most proportional to its length, whatever field is
 * blown up and with what. Counted is processor time, the least of several runs. A step that is quadratic in bytes
 * takes minutes for a line of 1 MB, one in every tenth byte ten seconds; linear ones stay far below `PASSABLE_MS`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../src/interpret/interpreter.ts';
import { Judge } from '../../src/judge/judge.ts';
import { loadRules } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';

const LOGS = new URL('../logs/', import.meta.url).pathname;
const RULES = loadRules(new URL('../../rules/', import.meta.url).pathname);
const REFERENCE = Date.parse('2026-11-20T00:00:00Z');
const SHORT = 100_000;
const LONG = 1_000_000;
/** What a line of 1 MB may take without a closer look. */
const PASSABLE_MS = 400;

type Mta = 'postfix' | 'exim';

/** Whatever is read, through envelope, parser, correlator and judge. */
function readAll(mta: Mta, lines: readonly string[]): MailEvent[] {
  const interpreter = new Interpreter({ mta, zone: '+00:00' });
  const judge = new Judge(RULES);
  const envelope = interpreter.envelope('log', REFERENCE);
  const events: MailEvent[] = [];
  lines.forEach((bytes, index) => {
    interpreter.feedLines(
      envelope,
      [{ source: 'log', line: index + 1, offset: index, bytes }],
      events,
    );
  });
  for (const event of events) judge.feed(event);
  return events;
}

function shapesOf(mta: Mta): string[] {
  const folder = join(LOGS, mta);
  const lines = readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'latin1')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#')),
  );
  // One of each shape: letters and digits alike.
  return [
    ...new Map(
      lines.map((line) => [line.replace(/[0-9]+/g, '0').replace(/[a-z]+/g, 'a'), line]),
    ).values(),
  ];
}

/** What fields are filled with: what scanners look for, and what they look for in vain. */
const FILLERS = [
  'x',
  ' ',
  '"',
  '\\',
  '<',
  '>',
  '(',
  ')',
  '[',
  ';',
  ', ',
  ': ',
  '@',
  '=',
  '\x00',
  '\xff',
  '<"',
  '; from=<',
  '> to=<',
  ') [',
  ') [192.0.2.1] ',
  ' H=',
  'rejected ',
  'rejected RCPT ',
  '\\"',
  '5.1.1 ',
  '<a@b> ',
  'queued as ',
  '((',
  '" ',
  '; proto=',
  ' to=<x> proto=',
] as const;

/** The line with `filler` in place of its end or in its middle, `length` bytes long. */
function blownUp(line: string, at: number, filler: string, length: number): string {
  const rest = line.slice(at);
  const room = Math.max(0, length - at - rest.length);
  return line.slice(0, at) + filler.repeat(Math.ceil(room / filler.length)).slice(0, room) + rest;
}

/** ms of the processor, the least of `times` runs. */
function timeOf(mta: Mta, line: string, times: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < times; run++) {
    const began = process.cpuUsage();
    readAll(mta, [line]);
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** Where fields begin: behind each delimiter of the line. */
function fieldsOf(line: string): number[] {
  const starts: number[] = [];
  for (let at = 30; at < line.length; at++) {
    if ('<"([=: '.includes(line[at - 1] as string)) starts.push(at);
  }
  return starts;
}

const WIDE = process.env.POSTERN_TORTURE === 'long';
const PROBES = WIDE ? 20_000 : 200;

describe.each(['postfix', 'exim'] as const)('lines of %s', (mta) => {
  const shapes = shapesOf(mta);

  it('takes time in proportion to their length, whatever field is long', () => {
    const bad: string[] = [];
    let state = 1;
    const below = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state % limit;
    };
    for (let probe = 0; probe < PROBES; probe++) {
      const line = shapes[probe % shapes.length] as string;
      const fields = fieldsOf(line);
      const at = fields[below(Math.max(1, fields.length))] ?? line.length;
      const filler = FILLERS[below(FILLERS.length)] as string;
      const long = blownUp(line, at, filler, LONG);
      if (timeOf(mta, long, 1) < PASSABLE_MS) continue;
      const least = timeOf(mta, long, 3);
      if (least < PASSABLE_MS) continue;
      const ratio = least / timeOf(mta, blownUp(line, at, filler, SHORT), 5);
      if (ratio > (3 * LONG) / SHORT)
        bad.push(`${ratio.toFixed(0)} times: ${line} with ${filler} at ${at}`);
    }
    expect(bad).toEqual([]);
  });

  it('never throw, and always end, whatever bytes they hold', () => {
    const bytes = fc.array(
      fc.oneof(
        fc.constantFrom(...FILLERS, ...shapes.flatMap((line) => line.split(/(?<=[ <>,;:="])/))),
        fc.string({
          unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
        }),
      ),
      { maxLength: 30 },
    );
    const line = fc
      .tuple(fc.constantFrom(...shapes), bytes, fc.nat({ max: 200 }))
      .map(([shape, parts, keep]) => (shape.slice(0, keep) + parts.join('')).replaceAll('\n', ''));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        readAll(mta, lines);
      }),
      { numRuns: WIDE ? 20_000 : 300 },
    );
  });
});
