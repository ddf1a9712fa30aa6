/** Commands that the page runs in processes of their own. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApartCommands } from '../../src/cli/apart.ts';
import { type Scratch, scratch } from '../service/scratch.ts';

let at: Scratch;
beforeEach(() => {
  at = scratch();
});
afterEach(() => at.remove());

const script = (text: string) => [process.execPath, '-e', text, '--'];

describe('a command', () => {
  it('gives what it prints, and how it ended', async () => {
    const text = 'console.log(process.argv.slice(1).join()); console.error("oh"); process.exit(1)';
    const ran = await new ApartCommands(script(text)).run(['report', '--since=1h']);
    expect(ran).toMatchObject({ status: 1, out: 'report,--since=1h\n', err: 'oh\n' });
  });

  it('may print more than fits into memory that others keep for a command', async () => {
    const text = 'for (let n = 0; n < 30; n++) console.log("x".repeat(100000))';
    const { out } = await new ApartCommands(script(text)).run([]);
    expect(out).toHaveLength(30 * 100_001);
  });

  it('may print one line of several megabytes, as JSON is', async () => {
    const text = 'console.log(JSON.stringify("x".repeat(3e6)))';
    const { out } = await new ApartCommands(script(text)).run([]);
    expect(JSON.parse(out)).toHaveLength(3e6);
  });

  it('that cannot be started has failed', async () => {
    const ran = await new ApartCommands([at.path('nothing')]).run(['report']);
    expect(ran).toMatchObject({ status: 1, out: '', err: expect.stringContaining('cannot start') });
  });
});

it('no more than two run at a time, and each has its turn', async () => {
  const log = at.path('log');
  const text = `const note = (text) => require('fs').appendFileSync(${JSON.stringify(log)}, text);
    note('+'); setTimeout(() => note('-'), 50);`;
  const commands = new ApartCommands(script(text));
  await Promise.all(Array.from({ length: 6 }, () => commands.run([])));
  const marks = [...readFileSync(log, 'utf8')];
  expect(marks).toHaveLength(12);
  let running = 0;
  for (const mark of marks) {
    running += mark === '+' ? 1 : -1;
    expect(running).toBeLessThanOrEqual(2);
  }
});
