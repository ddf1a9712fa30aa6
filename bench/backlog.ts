/** A log that is there before the service: what it costs until all of it is stored, and how much memory that takes. */
import { LINES, LONG, ROUNDS, RULES } from './contestants.ts';
import { writeLog } from './generate.ts';
import { cpuOf, median, memoryOf, sleep } from './measure.ts';
import { Service } from './service.ts';

/** ms after which V8 has given back what it does not need. */
const REST = 30_000;

/** CPU seconds until all is committed, wall seconds; MiB of memory at most, at the end, and after a rest. */
interface Ingest {
  readonly cpu: number;
  readonly wall: number;
  readonly peak: number;
  readonly after: number;
  readonly rested: number;
}

export async function backlog(): Promise<void> {
  await overBacklog(LINES, LONG ? ROUNDS : 3);
  if (LONG) await overBacklog(10 * LINES, 1);
}

async function overBacklog(lines: number, rounds: number): Promise<void> {
  const runs: Ingest[] = [];
  for (let round = 0; round < rounds; round++) runs.push(await ingest(lines));
  const of = (key: keyof Ingest) => median(runs.map((run) => run[key]));
  const rate = (seconds: number) => Math.round(lines / seconds).toLocaleString('en');
  console.log(
    `\n\`postern run\` over ${lines.toLocaleString('en')} lines, all stored, start included: ${of('wall').toFixed(1)} s wall (${rate(of('wall'))} lines/s), ${of('cpu').toFixed(1)} s CPU; memory at most ${of('peak').toFixed(0)} MiB, in the end ${of('after').toFixed(0)} MiB, ${REST / 1000} s later ${of('rested').toFixed(0)} MiB.`,
  );
}

async function ingest(lines: number): Promise<Ingest> {
  const service = new Service({ rules: RULES });
  try {
    writeLog(service.log, { mta: 'postfix', lines });
    const began = performance.now();
    await service.start();
    let cpu = cpuOf(service.pid);
    let wall = (performance.now() - began) / 1000;
    for (let quiet = 0; quiet < 8; ) {
      await sleep(250);
      const now = cpuOf(service.pid);
      // An idle service uses less than this; a busy one, even on a crowded machine, more.
      if (now - cpu > 0.03) {
        quiet = 0;
        wall = (performance.now() - began) / 1000;
      } else quiet++;
      cpu = now;
    }
    if (service.behind() !== 0) throw new Error('the service stopped before the end of its log');
    const { peak, now: after } = memoryOf(service.pid);
    await sleep(REST);
    return { cpu, wall, peak, after, rested: memoryOf(service.pid).now };
  } finally {
    await service.remove();
  }
}
