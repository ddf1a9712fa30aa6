/** What a line costs with more rules and with more open messages. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LINES, LONG, RULES, replay, table } from './contestants.ts';
import { generateLog, writeLog } from './generate.ts';
import { inTurn } from './measure.ts';

/** The shipped rules so often that there are `count`, under other names and with other limits. */
function manyRules(folder: string, count: number): string {
  const path = join(folder, `rules-${count}`);
  mkdirSync(path);
  const texts = readdirSync(RULES)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(RULES, name), 'utf8'));
  for (let index = 0; index < count; index++) {
    const text = texts[index % texts.length] as string;
    const round = Math.floor(index / texts.length);
    const own = text
      .replace(/^name: (.*)$/m, `name: $1-${index}`)
      .replace(/\blimit: (\d+)\b(?!%)/g, (_, limit) => `limit: ${Number(limit) + round}`);
    writeFileSync(join(path, `${index}.yaml`), own);
  }
  return path;
}

/** A log of messages that stay open, in front of `lines` ordinary ones. */
function withOpen(path: string, open: number, lines: number): void {
  const start = Date.UTC(2026, 9, 31);
  let text = '';
  writeFileSync(path, '');
  for (let number = 0; number < open; number++) {
    const id = `A${number.toString(16).toUpperCase().padStart(9, '0')}`;
    const at = `${new Date(start + number * 80).toISOString()} mx1 postfix`;
    text += `${at}/smtpd[811]: ${id}: client=mx.example.org[198.51.100.1]\n${at}/qmgr[700]: ${id}: from=<a${number}@example.org>, size=900, nrcpt=1 (queue active)\n`;
    if (number % 10_000 === 9999 || number === open - 1) {
      writeFileSync(path, text, { flag: 'a' });
      text = '';
    }
  }
  for (const chunk of generateLog({ mta: 'postfix', lines }))
    writeFileSync(path, chunk, { flag: 'a' });
}

export function growth(folder: string): void {
  const log = join(folder, 'growth.log');
  writeLog(log, { mta: 'postfix', lines: LINES / 5 });
  const byRules = [10, 100, 1000].map((count) =>
    replay(`${count} rules`, log, manyRules(folder, count)),
  );
  table('Growth with rules, 200,000 lines', LINES / 5, byRules, 3);
  const counts = LONG ? [1000, 1_000_000] : [1000, 100_000];
  for (const count of counts) {
    const alone = join(folder, `open-${count}-alone.log`);
    const both = join(folder, `open-${count}.log`);
    withOpen(alone, count, 0);
    withOpen(both, count, LINES / 5);
    const [all, prelude] = inTurn([replay('both', both), replay('alone', alone)], 3);
    const cost = (((all?.cpu ?? 0) - (prelude?.cpu ?? 0)) / (LINES / 5)) * 1e6;
    console.log(`\n${count} messages open: ${cost.toFixed(2)} us CPU a line.`);
  }
}
