/**
 * Kills the real process (SIGKILL) at random times, while a writer appends and rotates. After the last start the events,
 * verdicts, blocks and mails must be the same as those of an undisturbed run over the same lines.
 */
import { existsSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/folder.ts';
import { type Sink, type SinkMessage, startSink } from '../support/sink.ts';
import { generator, isLong, type Random, seed, sleep } from './form.ts';
import { type Installation, install } from './process.ts';
import { Traffic } from './traffic.ts';

const KILLS = isLong ? 200 : 10;

const open: { installation?: Installation; sink?: Sink }[] = [];

afterEach(async () => {
  for (const { installation, sink } of open.splice(0)) {
    await installation?.remove();
    await sink?.stop();
  }
});

test(`${KILLS} kills change nothing`, { timeout: 3_600_000 }, async () => {
  console.log(`seed ${seed}`);
  const random = generator(seed);
  const disturbed = await place();
  const traffic = new Traffic(disturbed.installation.folder.at('mail.log'), random);
  disturbed.onMail = (message) => {
    // As Postfix does: the header is logged before the message is taken.
    const at = `${new Date().toISOString()} mx1 postfix/cleanup[815]:`;
    traffic.line(`${at} 3FFFFFFF: message-id=${messageIdOf(message)}`);
  };
  await torment(disturbed.installation, traffic, random);
  const found = await outcome(disturbed);

  const calm = await place();
  calm.installation.folder.write('mail.log', traffic.all());
  calm.installation.start();
  const expected = await outcome(calm);

  const where = `seed ${seed}\n${disturbed.installation.log().slice(-4000)}`;
  expect(differences(found.events, expected.events), where).toEqual([]);
  expect(differences(found.verdicts, expected.verdicts), where).toEqual([]);
  expect(found.blocks).toEqual(expected.blocks);
  expect(found.blocks.length).toBeGreaterThan(10);
  expect(found.listed).toEqual(expected.listed);
  expect(found.told).toEqual(found.blocks.map(({ id }) => id));
  expect(expected.told).toEqual(found.told);
  expect(twice(disturbed.sink.messages.map(messageIdOf)), `seed ${seed}`).toEqual([]);
});

interface Place {
  readonly installation: Installation;
  readonly sink: Sink;
  onMail(message: SinkMessage): void;
}

async function place(): Promise<Place> {
  const made: { onMail(message: SinkMessage): void } = { onMail: () => {} };
  const sink = await startSink({
    onMessage: (message) => void made.onMail(message),
    delay: 5,
  });
  const route = `smtp: { host: 127.0.0.1, port: ${sink.port} }`;
  const installation = install({ route, extra: ['caps: { blocksPerHour: 100000 }'] });
  open.push({ installation, sink });
  return Object.assign(made, { installation, sink });
}

/** Writes and kills until all kills are done; leaves a process running. */
async function torment(
  installation: Installation,
  traffic: Traffic,
  random: Random,
): Promise<void> {
  const { start, started, kill } = installation;
  let isOver = false;
  // Where the very first start begins is written down before anything is read; before that there is nothing to keep.
  start();
  await until('the first position', () => hasPosition(installation), { timeout: 30_000 });
  await kill();
  const writing = (async () => {
    while (!isOver) {
      for (let steps = random(16); steps > 0; steps--) traffic.step();
      if (random(isLong ? 100 : 12) === 0) traffic.rotate();
      await sleep(random(60));
    }
    traffic.end();
  })();
  for (let kills = 1; kills < KILLS; kills++) {
    start();
    // Some while it starts, most while it works.
    if (random(5) > 0) await started();
    await sleep(random(700));
    await kill();
    if (random(8) === 0) await sleep(random(1500));
  }
  isOver = true;
  await writing;
  start();
}

/** Everything that the lines led to, once no more lines come. */
async function outcome({ installation, sink }: Place) {
  const { log } = installation;
  let size = -1;
  let quiet = 0;
  let shown = '';
  const isDone = async () => {
    await sleep(500);
    const { status, stdout } = await installation.command('status', '--format', 'json');
    shown = stdout;
    const { logs, noticesWaiting } = JSON.parse(stdout || '{}');
    const told = waiting(installation);
    const now = sink.messages.length;
    quiet =
      status === 0 && logs[0].behind === 0 && noticesWaiting + told === 0 && now === size
        ? quiet + 1
        : 0;
    size = now;
    return quiet >= 2;
  };
  const evidence = () => `${shown}\n${log().slice(-4000)}`;
  await until('everything to be worked on', isDone, { timeout: 120_000, evidence });
  expect(await installation.stop()).toBe(0);
  return installation.withStore((store, db) => {
    const events = [...store.events.query({})].map(({ event }) => ({
      ...event,
      source: '',
      line: 0,
      offset: 0,
    }));
    const verdicts = store.verdicts.between(0, 1e15).map(({ verdict, outcome }) => ({
      ...verdict,
      source: '',
      line: 0,
      offset: 0,
      outcome,
    }));
    const blocks = store.blocks.allRunning().map(({ id, key, cause }) => ({ id, key, cause }));
    const notices = db.prepare('SELECT json, mail FROM notice ORDER BY id').all();
    const told = (notices as { json: string; mail: number | null }[]).map(
      ({ json }) => JSON.parse(json).block as number,
    );
    const file = installation.folder.read('maps/sasl_access');
    const listed = file.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return { events, verdicts, blocks, told, listed };
  });
}

/** The first few differences, as JSON: a list of thousands would not help. */
function differences(found: readonly unknown[], expected: readonly unknown[]): string[] {
  const length = Math.max(found.length, expected.length);
  const first = Array.from({ length }, (_, index) => index).filter(
    (index) => JSON.stringify(found[index]) !== JSON.stringify(expected[index]),
  );
  return first.length === 0
    ? []
    : [
        `${found.length} instead of ${expected.length}`,
        ...first
          .slice(0, 3)
          .map(
            (at) =>
              `${at}: ${JSON.stringify(found[at])} instead of ${JSON.stringify(expected[at])}`,
          ),
      ];
}

function hasPosition({ folder, withStore }: Installation): boolean {
  return existsSync(folder.at('postern.db')) && withStore((s) => s.state.positions().size > 0);
}

/** Notices that are in no mail yet. */
function waiting(installation: Installation): number {
  return installation.withStore((store) => store.outbox.waiting().length);
}

function messageIdOf({ data }: SinkMessage): string {
  return /^Message-ID: *(<[^>]*>)/im.exec(data)?.[1] ?? 'none';
}

function twice(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) !== index);
}
