/**
 * `npm run bench [-- --long] [-- --only=PART,...]`: how fast Postern is, beside the peers that are installed and beside
 * the floor, a bare read-and-split in Node. Commands run in turn and each figure is a median; CPU seconds (user and
 * system) of whole processes, since these say the same on a busy machine. `--long` takes the sizes that the goals name.
 * Prints Markdown.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { backlog } from './backlog.ts';
import { detection } from './detection/detection.ts';
import { growth } from './growth.ts';
import { live } from './live.ts';
import { milter } from './milter.ts';
import { milterPostfix } from './milter-postfix.ts';
import { recipients } from './recipients.ts';
import { share } from './share.ts';
import { stored } from './stored.ts';
import { throughput } from './throughput.ts';

const PARTS: Readonly<Record<string, (folder: string) => void | Promise<void>>> = {
  throughput,
  growth,
  backlog,
  stored,
  live,
  milter,
  'milter-postfix': milterPostfix,
  recipients,
  share,
  detection,
};

/** The parts that `--only=` names, else all. */
function chosen(): string[] {
  const names = Object.keys(PARTS);
  const only = process.argv.find((word) => word.startsWith('--only='));
  const wanted = only?.slice('--only='.length).split(',') ?? names;
  const unknown = wanted.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--only=${unknown}: expected ${names.join(', ')}`);
  return wanted;
}

async function main(): Promise<void> {
  const parts = chosen();
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
  const memory = Math.round(totalmem() / 2 ** 30);
  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model}, ${cpus().length} cores, ${memory} GiB, Node ${process.version}`,
  );
  try {
    for (const part of parts) {
      console.log(`\n## ${part}`);
      await PARTS[part]?.(folder);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
