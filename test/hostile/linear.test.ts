/**
 * No bytes make Postern throw or take long: the time for a line is at most proportional to its length, whatever field
 * is long and whatever fills it. The time is processor time, the least of several runs. A step that is quadratic in
 * bytes takes minutes for a line of 1 MB, one that is quadratic in every tenth byte ten seconds. Linear steps stay far
 * below `PASSABLE_MS`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../src/interpret/interpreter.ts';
import { Judge } from '../../src/judge/judge.ts';
import { loadRules } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';

const LOGS = new URL('../logs/', import.meta.url).pathname;
const RULES = loadRules(new URL('../../rules/', import.meta.url).pathname);
const REFERENCE = Date.parse('2026-11-20T00:00:00Z');
const SHORT = 100_000;
const LONG = 1_000_000;
/** A line of 1 MB that takes no longer is not measured again. */
const PASSABLE_MS = 400;

type Mta = 'postfix' | 'exim';

/** Reads the lines through envelope, parser, correlator and judge. */
function readAll(mta: Mta, lines: readonly string[]): MailEvent[] {
  const interpreter = new Interpreter({ mta, zone: '+00:00' });
  const judge = new Judge(RULES);
  const log = interpreter.openSource(REFERENCE);
  const events: MailEvent[] = [];
  lines.forEach((bytes, index) => {
    interpreter.feed(
      log,
      new Lines([{ source: 'log', line: index + 1, offset: index, bytes }]),
      events,
    );
  });
  for (const event of events) judge.feed(event);
  return events;
}

function listShapes(mta: Mta): string[] {
  const folder = join(LOGS, mta);
  const lines = readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), 'latin1')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#')),
  );
  // One line of each shape: all letters are alike, and so are all digits.
  return [
    ...new Map(
      lines.map((line) => [line.replace(/[0-9]+/g, '0').replace(/[a-z]+/g, 'a'), line]),
    ).values(),
  ];
}

/** Texts that fill a field: some that parsers look for, and some that they never find the end of. */
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

/** The line with `filler` inserted at `at`, so often that it is `length` bytes long. */
function blownUp(line: string, at: number, filler: string, length: number): string {
  const rest = line.slice(at);
  const room = Math.max(0, length - at - rest.length);
  return line.slice(0, at) + filler.repeat(Math.ceil(room / filler.length)).slice(0, room) + rest;
}

/** Processor time in ms, the least of `times` runs. */
function measureTime(mta: Mta, line: string, times: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < times; run++) {
    const began = process.cpuUsage();
    readAll(mta, [line]);
    const { user, system } = process.cpuUsage(began);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** Where fields begin: after each delimiter of the line. */
function findFields(line: string): number[] {
  const starts: number[] = [];
  for (let at = 30; at < line.length; at++) {
    if ('<"([=: '.includes(line[at - 1] as string)) starts.push(at);
  }
  return starts;
}

const WIDE = process.env.POSTERN_TORTURE === 'long';
const PROBES = WIDE ? 20_000 : 200;

describe.each(['postfix', 'exim'] as const)('lines of %s', (mta) => {
  const shapes = listShapes(mta);

  it('take time in proportion to their length, whatever field is long', () => {
    const bad: string[] = [];
    let state = 1;
    const below = (limit: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state % limit;
    };
    for (let probe = 0; probe < PROBES; probe++) {
      const line = shapes[probe % shapes.length] as string;
      const fields = findFields(line);
      const at = fields[below(Math.max(1, fields.length))] ?? line.length;
      const filler = FILLERS[below(FILLERS.length)] as string;
      const long = blownUp(line, at, filler, LONG);
      if (measureTime(mta, long, 1) < PASSABLE_MS) continue;
      const least = measureTime(mta, long, 3);
      if (least < PASSABLE_MS) continue;
      const ratio = least / measureTime(mta, blownUp(line, at, filler, SHORT), 5);
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
