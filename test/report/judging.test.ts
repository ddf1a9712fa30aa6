/** A replay finds out the same with a second thread and without, and says so when that thread fails. */
import { writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { SHIPPED_RULES } from '../../src/config/resolve.ts';
import { readEvents } from '../../src/interpret/files.ts';
import { BATCH } from '../../src/judge/event-batch.ts';
import { loadRules } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { PLAIN_LOGINS } from '../../src/model/login.ts';
import { Judging } from '../../src/report/judging.ts';
import type { Findings, TrialTask } from '../../src/report/trials.ts';
import { invalid } from '../judge/event.ts';
import { makeLogs, readSamples, type SampleLog } from '../scan/logs.ts';
import { scratchFolder } from '../support/folder.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

const NO_CHANGES = { overrides: { entries: [], files: [] }, logins: PLAIN_LOGINS };

const TASK: TrialTask = {
  rules: loadRules(SHIPPED_RULES),
  changes: NO_CHANGES,
  allow: { allow: { users: ['postmaster@example.net'] } },
  isTuned: true,
  mostCaught: 1,
};

/** The limits at which nearly everybody is found. */
const STRICT: TrialTask = {
  ...TASK,
  rules: TASK.rules.map((rule) => ({
    ...rule,
    atLeast: 1,
    limits: rule.limits.map((limit) => ({ ...limit, limit: 1 })),
  })),
};

/** `few` as for `Judging`; with one processor there is no thread. */
async function judge(
  batches: readonly (readonly MailEvent[])[],
  task: TrialTask,
  few: number,
  processors = 2,
): Promise<Findings> {
  const judging = new Judging(task, few, processors);
  try {
    for (const events of batches) await judging.feed(events);
    return await judging.end();
  } finally {
    await judging.stop();
  }
}

async function readLog(bytes: Buffer): Promise<(readonly MailEvent[])[]> {
  const path = folder.at('mail.log');
  writeFileSync(path, bytes);
  const batches: (readonly MailEvent[])[] = [];
  for await (const { events } of readEvents([path], { now: Date.UTC(2026, 10, 20), zone: 'UTC' })) {
    batches.push(events);
  }
  return batches;
}

async function expectSame(batches: readonly (readonly MailEvent[])[], task: TrialTask) {
  const expected = await judge(batches, task, 0, 1);
  expect(expected.nearest.length + expected.verdicts.length).toBeGreaterThan(0);
  expect(await judge(batches, task, 0)).toEqual(expected);
}

describe('with a second thread and without, the same is found', () => {
  it('in all sample logs, one after the other', async () => {
    const batches: (readonly MailEvent[])[] = [];
    for (const { bytes } of readSamples()) batches.push(...(await readLog(bytes)));
    await expectSame(batches, STRICT);
  });

  it.each(makeLogs(3000))('in $name', async ({ bytes }) => {
    await expectSame(await readLog(bytes), TASK);
  });

  it('with limits that the configuration changes', async () => {
    const [log] = makeLogs(2000);
    const batches = await readLog((log as SampleLog).bytes);
    const override = { key: { type: 'domain', id: 'example.net' }, limit: 'exempt' } as const;
    const task: TrialTask = {
      ...STRICT,
      changes: {
        ...NO_CHANGES,
        hours: { zone: 'UTC', night: { from: 0, to: 0, factor: 0.5 } },
        overrides: { entries: [{ ...override, place: 'here' }], files: [] },
      },
    };
    const expected = await judge(batches, task, 0, 1);
    expect(await judge(batches, task, 0)).toEqual(expected);
    expect(expected).not.toEqual(await judge(batches, STRICT, 0, 1));
  });
});

describe('a thread that fails', () => {
  const broken: TrialTask = { ...TASK, rules: [{ ...TASK.rules[0], limits: undefined } as never] };
  const events = Array.from({ length: 100 * BATCH }, (_, n) => invalid(n, `u${n}@example.org`));

  it('makes the end fail', async () => {
    await expect(judge([events.slice(0, 1)], broken, 0)).rejects.toThrow(TypeError);
  });

  it('makes whoever hands over events fail, and not wait for ever', async () => {
    const judging = new Judging(broken, 0, 2);
    await expect(judging.feed(events)).rejects.toThrow(TypeError);
    await judging.stop();
  });

  it('can be stopped while it has a lot to do', async () => {
    const judging = new Judging(TASK, 0, 2);
    await judging.feed(events.slice(0, 10 * BATCH));
    await judging.stop();
    await expect(judging.end()).rejects.toThrow('ended too early');
  });
});

describe('a few events', () => {
  it('need no thread', async () => {
    const judging = new Judging({ ...TASK, isTuned: false, mostCaught: undefined }, 200);
    for (let n = 0; n < 200; n++) await judging.feed([invalid(n, `u${n}@example.org`)]);
    const { verdicts } = await judging.end();
    expect(verdicts.map(({ rule, count }) => [rule, count])).toContainEqual([
      'invalid-recipients',
      100,
    ]);
    await judging.stop();
  });
});
