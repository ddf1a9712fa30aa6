/**
 * Several logs at once: each line has its turn by its time, whichever way it is read. Both ways are compared with lines
 * that were put in their order beforehand and fed one by one.
 */
import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEvents } from '../../src/interpret/files.ts';
import { Interpreter } from '../../src/interpret/interpreter.ts';
import type { LogSource } from '../../src/interpret/log-source.ts';
import type { MailEvent } from '../../src/model/event.ts';
import type { Line } from '../../src/model/line.ts';
import { Lines } from '../../src/model/lines.ts';
import { Envelope } from '../../src/parse/envelope/envelope.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { damagedEximLogs, damagedSyslogs } from './damage.ts';
import { listEximTexts, listMessages, makeLogs, readSamples } from './logs.ts';

const LONG = process.env.POSTERN_TORTURE === 'long';
const NOW = Date.UTC(2026, 10, 20);
const ZONE = 'Europe/Berlin';
const MADE = makeLogs(4000);
const ALL = [...readSamples(), ...MADE];

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder();
});
afterEach(() => folder.remove());

/** Deals the lines of a log, each to one of some files; returns their names. */
function deal(log: string, owners: readonly number[]): string[] {
  const parts = new Map<number, string>();
  for (const [index, line] of log.split(/(?<=\n)/).entries()) {
    const owner = owners[index % owners.length] as number;
    parts.set(owner, (parts.get(owner) ?? '') + line);
  }
  return [...parts].map(([owner, content]) => {
    const file = folder.at(`log.${owner}`);
    writeFileSync(file, content, 'latin1');
    utimesSync(file, NOW / 1000, NOW / 1000);
    return file;
  });
}

async function readAll(files: readonly string[], plain: boolean): Promise<string> {
  const events: MailEvent[] = [];
  let count = 0;
  for await (const batch of readEvents(files, { now: NOW, zone: ZONE, plain })) {
    events.push(...batch.events);
    count += batch.lines;
  }
  return JSON.stringify([count, events]);
}

interface Timed extends Line {
  /** ms: the latest time of all lines of the file so far */
  readonly turn: number;
}

function readTurns(file: string): Timed[] {
  const envelope = new Envelope({ reference: NOW, zone: ZONE });
  let offset = 0;
  let turn = Number.NEGATIVE_INFINITY;
  const texts = readFileSync(file, 'latin1').split('\n').slice(0, -1);
  return texts.map((text, index) => {
    const line = { source: file, line: index + 1, offset, bytes: text.replace(/\r$/, '') };
    offset += text.length + 1;
    turn = Math.max(turn, envelope.read(line)?.time ?? turn);
    return { ...line, turn };
  });
}

/** By their turns; of two that are the same, by when the file began. */
function order(files: readonly string[]): Timed[] {
  const began = (lines: readonly Timed[]) => lines.find(({ turn }) => turn > 0)?.turn ?? NOW;
  const logs = files.map(readTurns).sort((one, other) => began(one) - began(other));
  return logs.flat().sort((one, other) => one.turn - other.turn || 0);
}

function feedOneByOne(files: readonly string[]): string {
  const interpreter = new Interpreter({ zone: ZONE, singleSource: false });
  const events: MailEvent[] = [];
  const sources = new Map(files.map((file) => [file, interpreter.openSource(NOW)]));
  const ordered = order(files);
  for (const { turn: _, ...line } of ordered) {
    interpreter.feed(sources.get(line.source) as LogSource, new Lines([line]), events);
  }
  return JSON.stringify([ordered.length, events]);
}

async function expectSame(files: readonly string[]): Promise<void> {
  const expected = feedOneByOne(files);
  expect(await readAll(files, false)).toBe(expected);
  expect(await readAll(files, true)).toBe(expected);
}

/** A run of lines for each file, as rotation leaves them, and files of several daemons, line by line. */
const OWNERS = [
  ['one file after the other', [...Array(4000).keys()].map((line) => line >> 10)],
  ['in turn', [0, 1, 2]],
  ['mostly the first', [0, 0, 0, 0, 1, 0, 0, 2, 0]],
] as const;

describe('several logs', () => {
  it.each(OWNERS)('are read in the order of time: %s', async (_name, owners) => {
    for (const { bytes } of MADE) {
      const files = deal(bytes.toString('latin1'), owners);
      await expectSame(files);
      await expectSame(files.reverse());
    }
  });

  it.each([
    ['syslog', damagedSyslogs(listMessages(ALL))],
    ['Exim', damagedEximLogs(listEximTexts(ALL))],
  ])('agree on damaged and recombined lines of %s', async (_name, logs) => {
    const owners = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(logs, owners, async (log, owned) => {
        // Of a log that is not understood there are no events, but an error.
        const sound = 'Oct 20 09:05:07 mx1 postfix/qmgr[700]: 9BE7E21449E: removed\n';
        await expectSame(deal(sound + log, owned));
      }),
      { numRuns: LONG ? 5000 : 100 },
    );
  });
});
