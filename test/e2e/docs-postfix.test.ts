/**
 * docs/milter.md and docs/containers.md on a machine with a real Postfix: their commands in the order in which they are
 * printed. There is no engine: a program in place of docker runs `docker exec NAME COMMAND` beside Postfix itself, so
 * the table of the recipe, the reload and the hold are real.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/folder.ts';
import { hasMachine, type Machine, startMachine } from '../support/machine.ts';
import { installPackage, runPrinted } from '../support/machine-install.ts';
import { POSTFIX } from '../support/machine-postfix.ts';
import { hasPostfix } from '../support/postfix.ts';
import { type PageBlock, pageBlocks } from '../support/recipes.ts';

const SUPPORT = join(import.meta.dirname, '../support');
const ALICE = 'alice@example.net';
const PAGES = ['milter.md', 'containers.md'];
/** Blocks that are not run here, and why. */
const NOT_RUN: readonly (readonly [RegExp, string])[] = [
  [/^docker build/, 'needs an engine; what the image has is in test/service/containers.test.ts'],
];
const DOCKER = `#!/bin/sh
echo "$@" >>/run/docker.log
[ "$1" = exec ] || exit 1
shift
[ "$1" != -i ] || shift
[ "$1" = mailserver ] || exit 1
shift
exec "$@"
`;

const pages = PAGES.flatMap(pageBlocks);
const commands = pages.filter(({ isCommand }) => isCommand);
const done = new Set<PageBlock>();

/** Text for a file, below a heading of a page. */
function fileText(heading: string, word: string): string {
  const found = pages.find((one) => one.heading.startsWith(heading) && one.text.startsWith(word));
  return found?.text ?? '';
}

describe.runIf(hasMachine() && hasPostfix())('the pages beside Postfix', { retry: 0 }, () => {
  let machine: Machine;
  const run = (text: string) => runPrinted(machine, text);
  const output = async (text: string) => (await machine.shell(text)).output;
  const settled = (what: string, question: () => Promise<boolean>) =>
    until(what, question, { timeout: 40_000 });
  const client = (...recipients: string[]) =>
    machine.must(`node ${SUPPORT}/machine-client.ts 587 ${ALICE} ${recipients.join(' ')}`);
  const addLine = (line: string) =>
    machine.must('cat >>/etc/postfix/main.cf; postfix reload; sleep 1', `\n${line}\n`);

  async function follow(page: string, heading: string): Promise<string> {
    const found = commands.filter((one) => one.page === page && one.heading.startsWith(heading));
    if (found.length === 0) throw new Error(`${page}: no commands below "${heading}"`);
    let printed = '';
    for (const block of found) {
      if (NOT_RUN.some(([pattern]) => pattern.test(block.text))) continue;
      done.add(block);
      printed += await run(block.text);
    }
    return printed;
  }

  beforeAll(async () => {
    machine = await startMachine({ hasBuild: true });
    await machine.must(POSTFIX);
    await installPackage(machine);
    await machine.must('mkdir -p /etc/postern /etc/sysusers.d /etc/tmpfiles.d');
  }, 240_000);
  afterAll(() => machine?.stop());

  it('the milter: installed, in use, and taken out again', async () => {
    await follow('milter.md', 'How to install');
    await machine.must('cat >/etc/postern/postern.yaml', fileText('How to install', 'milter: {}'));
    const text = readFileSync(resolve('docs/milter.md'), 'utf8');
    const start = /3\. Start it: `(systemctl [^`]*)`/.exec(text)?.[1] ?? '';
    await run(start);
    await settled('the socket', async () =>
      (await output('ls /var/spool/postfix/postern-milter')).includes('milter'),
    );
    await addLine(fileText('How to install', 'smtpd_milters'));
    const check = await machine.shell('postern check --milter');
    expect(check).toMatchObject({ status: 0, output: expect.stringContaining('No problems') });
    expect(await client('good@example.org')).toMatch(/^250 /);
    await settled('the figures', async () =>
      /milter sessions: .*messages: 1 /.test(await output('postern status')),
    );
    await machine.must('postconf -X smtpd_milters; postfix reload; sleep 1');
    await run(/`(systemctl disable --now postern-milter)`/.exec(text)?.[1] ?? '');
    expect(await client('after@example.org')).toMatch(/^250 /);
    await settled('the mail', async () =>
      (await output('cat /run/delivered')).includes('after@example.org'),
    );
  }, 120_000);

  it('a container: its table, its reload and its queue, through docker exec', async () => {
    await machine.must('cat >/usr/local/bin/docker; chmod 755 /usr/local/bin/docker', DOCKER);
    const logs = '/opt/docker-mailserver/docker-data/dms/mail-logs';
    await machine.must(
      `mkdir -p ${logs}; touch ${logs}/mail.log; postfix stop
       postconf -e maillog_file=${logs}/mail.log maillog_file_prefixes=/var,/opt
       touch -d '1 minute ago' /etc/postfix/*.cf; postfix start`,
    );
    const [tables, ...rest] = commands.filter(({ page }) => page === 'containers.md');
    done.add(tables as PageBlock);
    await run(tables?.text ?? '');
    await addLine(fileText('docker-mailserver', 'smtpd_data_restrictions'));
    const page = readFileSync(resolve('docs/containers.md'), 'utf8');
    const section = page.split(/^## /m).find((part) => part.startsWith('docker-mailserver')) ?? '';
    const yaml = /```yaml\n(mta: postfix\n[^`]*)```/.exec(section)?.[1] ?? '';
    await machine.must('cat >/etc/postern/postern.yaml', yaml);
    for (const block of rest) {
      if (NOT_RUN.some(([pattern]) => pattern.test(block.text))) continue;
      done.add(block);
      expect(await run(block.text)).toContain('No problems found.');
    }
    await settled('the service', async () =>
      (await output('postern status')).includes('running since'),
    );
    for (let part = 0; part < 3; part++) {
      const names = Array.from({ length: 40 }, (_, n) => `nobody${part}-${n}@example.org`);
      await client(...names);
    }
    await settled('the table', async () =>
      (await output('cat /etc/postfix/postern/sasl_access')).includes(ALICE),
    );
    await settled('the reload', async () =>
      (await output('cat /run/docker.log')).includes('exec mailserver postfix reload'),
    );
    await client('victim@example.org');
    await settled('the held mail', async () => /!/.test(await output('postqueue -p')));
    expect(await machine.must(`postern queue ${ALICE}`)).toContain('victim@example.org');
    await machine.must(`postern unblock ${ALICE}; postern queue ${ALICE} --release`);
    await settled('the released mail', async () =>
      (await output('cat /run/delivered')).includes('victim@example.org'),
    );
  }, 120_000);

  it('leave no command out', () => {
    const open = commands.filter(
      (block) => !done.has(block) && !NOT_RUN.some(([pattern]) => pattern.test(block.text)),
    );
    expect(open.map(({ page, text }) => `${page}: ${text}`)).toEqual([]);
  });
});
