/**
 * Logs with the expected events: `#> {json}` above a line is an event of that line (the keys in it must be equal, null
 * means absent), `#> none` means that the line gives no event. `#! {json}` sets options.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventToJson } from '../../src/cli/event-json.ts';
import { Interpreter, type InterpreterOptions } from '../../src/interpret/interpreter.ts';
import { LineOrder } from '../../src/interpret/line-order.ts';
import { networkSet } from '../../src/model/address.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { Lines } from '../../src/model/lines.ts';

const FOLDER = new URL('../scenarios/', import.meta.url).pathname;
const REFERENCE = Date.parse('2026-11-20T00:00:00Z');

interface Expected {
  readonly line: number;
  readonly events: readonly Record<string, unknown>[];
}

function readScenario(file: string) {
  const lines = readFileSync(file, 'latin1').split('\n').slice(0, -1);
  const expected: Expected[] = [];
  let pending: Record<string, unknown>[] | undefined;
  let options: Record<string, unknown> = {};
  for (const [index, line] of lines.entries()) {
    if (line.startsWith('#! ')) options = JSON.parse(line.slice(3));
    else if (line === '#> none') pending = [];
    else if (line.startsWith('#> ')) pending = [...(pending ?? []), JSON.parse(line.slice(3))];
    else if (!line.startsWith('#') && pending !== undefined) {
      expected.push({ line: index + 1, events: pending });
      pending = undefined;
    }
  }
  return { lines, expected, options };
}

function readEvents(lines: readonly string[], options: Record<string, unknown>): MailEvent[] {
  const { trusted, ...rest } = options as { trusted?: string[] };
  const interpreterOptions: InterpreterOptions = {
    zone: '+00:00',
    ...rest,
    ...(trusted === undefined ? {} : { trusted: networkSet(trusted) }),
  };
  const interpreter = new Interpreter(interpreterOptions);
  const log = interpreter.openSource(REFERENCE);
  const order = new LineOrder();
  const events: MailEvent[] = [];
  let offset = 0;
  for (const [index, bytes] of lines.entries()) {
    const line = { source: 'log', line: index + 1, offset, bytes };
    interpreter.feed(log, new Lines([line]), events);
    offset += bytes.length + 1;
  }
  return [...order.pass(events), ...order.end()];
}

function pick(event: MailEvent, wanted: Record<string, unknown>): Record<string, unknown> {
  const json = eventToJson(event);
  return Object.fromEntries(Object.keys(wanted).map((key) => [key, json[key] ?? null]));
}

for (const mta of readdirSync(FOLDER)) {
  describe(`scenarios of ${mta}`, () => {
    for (const name of readdirSync(join(FOLDER, mta))) {
      it(name, () => {
        const { lines, expected, options } = readScenario(join(FOLDER, mta, name));
        const events = readEvents(lines, options);
        expect(expected.length).toBeGreaterThan(0);
        for (const { line, events: wanted } of expected) {
          const found = events.filter((event) => event.line === line);
          expect(
            found.map((event, index) => pick(event, wanted[index] ?? { kind: '' })),
            `line ${line}: ${lines[line - 1]}`,
          ).toEqual(wanted);
        }
      });
    }
  });
}
