/** What is measured as whole processes, and how its figures are printed. */
import { join, resolve } from 'node:path';
import { type Contestant, inTurn } from './measure.ts';

export const PROGRAM = resolve('bin/postern');
export const RULES = resolve('rules');
/** `--long`: everything in the size that the goals name; takes an hour. */
export const LONG = process.argv.includes('--long');
export const LINES = 1_000_000;
export const ROUNDS = 5;

export function replay(name: string, log: string, rules = RULES): Contestant {
  return { name, argv: [PROGRAM, 'replay', '--rules', rules, log] };
}

export function floor(log: string): Contestant {
  return {
    name: 'read and split in Node',
    argv: [process.execPath, join(import.meta.dirname, 'floor.ts'), log],
  };
}

/** Prints what all of them took; the first is Postern, whose share of each other's time is told. */
export function table(
  title: string,
  lines: number,
  contestants: readonly Contestant[],
  rounds: number,
): void {
  const results = inTurn(contestants, rounds);
  const own = results[0];
  const share = (ours = Number.NaN, theirs = Number.NaN) => (ours / theirs).toFixed(2);
  console.log(
    `\n### ${title}\n\n| | wall s | CPU s | lines/s | Postern's wall / its | Postern's CPU / its |`,
  );
  console.log('|---|---:|---:|---:|---:|---:|');
  results.forEach(({ cpu, wall }, index) => {
    const rate = Math.round(lines / wall).toLocaleString('en');
    console.log(
      `| ${contestants[index]?.name} | ${wall.toFixed(2)} | ${cpu.toFixed(2)} | ${rate} | ${share(own?.wall, wall)} | ${share(own?.cpu, cpu)} |`,
    );
  });
}
