/**
 * The pages for a task, beside Postfix: every command of each in the order in which it is printed, on one machine that has
 * been installed as docs/install.md says, with a stolen account in its log.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/folder.ts';
import { hasMachine, type Machine, startMachine } from '../support/machine.ts';
import { installPackage, runPrinted } from '../support/machine-install.ts';
import { POSTFIX } from '../support/machine-postfix.ts';
import { hasPostfix } from '../support/postfix.ts';
import { type PageBlock, pageBlocks } from '../support/recipes.ts';

const SUPPORT = join(import.meta.dirname, '../support');
const PAGES = ['stolen-account.md', 'listings.md', 'tuning.md', 'summaries.md', 'undo.md'];
/** Blocks that are not run here, and why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^postern listings/, 'asks the DNS: test/e2e/listings.test.ts'],
];
const ALICE = 'alice@example.net';

const blocks = PAGES.flatMap(pageBlocks).filter(({ isCommand }) => isCommand);
const done = new Set<PageBlock>();

describe.runIf(hasMachine() && hasPostfix())('the pages for a task', { retry: 0 }, () => {
  let machine: Machine;

  const run = (text: string) => runPrinted(machine, text);
  /** Runs the commands below a heading of a page, and returns what they print. */
  async function follow(page: string, heading: string): Promise<string> {
    let output = '';
    const found = blocks.filter((one) => one.page === page && one.heading.startsWith(heading));
    if (found.length === 0) throw new Error(`${page}: no commands below "${heading}"`);
    for (const block of found) {
      if (NOT_RUN.some(([pattern]) => pattern.test(block.text))) continue;
      done.add(block);
      output += await run(block.text);
      if (block.text.includes('systemctl restart'))
        await prints('the service', 'postern status', 'running since');
    }
    return output;
  }
  const client = (login: string, ...recipients: string[]) =>
    machine.must(`node ${SUPPORT}/machine-client.ts 587 '${login}' ${recipients.join(' ')}`);
  const settled = (what: string, question: () => Promise<boolean>) =>
    until(what, question, { timeout: 40_000 });
  const prints = (what: string, command: string, text: string) =>
    settled(what, async () => (await machine.shell(command)).output.includes(text));

  beforeAll(async () => {
    machine = await startMachine({ hasBuild: true });
    await machine.must(POSTFIX);
    const install = pageBlocks('install.md').filter(({ isCommand }) => isCommand);
    const below = (heading: string) =>
      install.filter((one) => one.heading.startsWith(heading)).map(({ text }) => text);
    await installPackage(machine);
    const printed = await run('postern init --notify abuse@example.net');
    for (const text of below('4b')) await run(text);
    await prints('the maps', 'ls /etc/postfix/postern', 'submit_users');
    const start = printed.indexOf('    smtpd_data_restrictions');
    const lines = printed.slice(start, printed.indexOf('\n\n', start)).replaceAll(/^ {4}/gm, '');
    await machine.must('cat >>/etc/postfix/main.cf; postfix reload; sleep 1', `\n${lines}\n`);
    for (let part = 0; part < 3; part++) {
      const names = Array.from({ length: 40 }, (_, index) => `nobody${part}-${index}@example.org`);
      await client(ALICE, 'good@example.org', ...names);
    }
    await prints('the block', 'postern blocks', ALICE);
    await prints('the map', 'cat /etc/postfix/postern/sasl_access', ALICE);
    await client(ALICE, 'victim@example.org');
    await prints('the held mail', 'postqueue -p', '!');
  }, 240_000);
  afterAll(() => machine?.stop());

  it('a stolen account at night', async () => {
    expect(await follow('stolen-account.md', '1.')).toContain('User unknown');
    expect(await follow('stolen-account.md', '2.')).toContain(`${ALICE} is already blocked`);
    expect(await follow('stolen-account.md', '3.')).toContain('victim@example.org');
    expect(await machine.must('postqueue -p')).toContain('Mail queue is empty');
    expect(JSON.parse(await machine.must('head -1 /root/alice.json'))).toBeTypeOf('object');
    expect(await follow('stolen-account.md', '4.')).toContain('good@example.org');
    expect(await follow('stolen-account.md', '5.')).toContain(`${ALICE} is no longer blocked`);
    expect(await machine.must('postern blocks')).toContain('Nobody is blocked');
  }, 120_000);

  it('listed', async () => {
    expect(await follow('listings.md', 'What now')).toMatch(
      /^alice@example\.net\b.* (?:is|now) blocked/m,
    );
  }, 60_000);

  it('tune the limits', async () => {
    const shown = await follow('tuning.md', 'See who comes close');
    expect(shown).toContain(ALICE);
    const checked = await follow('tuning.md', 'Change a limit');
    expect(checked).toContain('No problems found.');
    expect(await machine.must('cat /etc/postern/rules/invalid-recipients.yaml')).toContain(
      'limit: 60, period: 1h',
    );
    await follow('tuning.md', 'Watch before you block');
  }, 120_000);

  it('the summaries', async () => {
    await follow('summaries.md', 'Look at one');
    expect(await machine.must('cat /root/week.html')).toContain('<html');
    expect(await follow('summaries.md', 'Send one')).toContain('Report sent to abuse@example.net.');
    await prints('the summary', 'cat /run/delivered', 'abuse@example.net');
    await follow('summaries.md', 'Into another program');
    expect(JSON.parse(await machine.must('cat /root/day.json'))).toBeTypeOf('object');
  }, 60_000);

  it('undo everything, step by step', async () => {
    await follow('undo.md', 'One block');
    await machine.must('postern block bob@example.net; postern block 192.0.2.7');
    expect(await follow('undo.md', 'All blocks')).toMatch(/Nobody is blocked\.\n$/);
    expect(await follow('undo.md', 'Only watch')).toContain('observe');
    await follow('undo.md', 'Out of the mail server');
    expect(await machine.must('postconf -n')).not.toContain('postern');
    await follow('undo.md', 'Off the machine');
    expect((await machine.shell('postern --version')).status).not.toBe(0);
    expect(await client('bob@example.net', 'last@example.org')).toMatch(/^250 /);
    await prints('the last mail', 'cat /run/delivered', 'last@example.org');
  }, 120_000);

  it('leave no command out', () => {
    const open = blocks.filter(
      (block) => !done.has(block) && !NOT_RUN.some(([pattern]) => pattern.test(block.text)),
    );
    expect(open.map(({ page, text }) => `${page}: ${text}`)).toEqual([]);
  });
});
