/** The commands for Debian's configuration of Exim: those of the page, with what a configuration needs beside them. */
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { debianStep } from '../../src/setup/exim/debian.ts';
import { type Folder, scratchFolder } from '../support/folder.ts';
import { pageBlocks } from '../support/recipes.ts';

const SPOOL = '/var/spool/exim4';
const usual = `mta: exim
targets: { exim: { blockedUsers: ${SPOOL}/blocked_users, blockedSenders: ${SPOOL}/blocked_senders, blockedNetworks: ${SPOOL}/blocked_networks } }
`;
const INCLUDE = '.include /etc/exim4/postern/debian.conf';

let folder: Folder;
beforeEach(() => {
  folder = scratchFolder();
});
afterEach(() => folder.remove());

/** The commands of the step. */
const commands = (layout: 'split' | 'single', yaml: string) =>
  [...debianStep(layout, parseConfig(yaml, '/etc/postern/postern.yaml')).matchAll(/^ {4}(.*)$/gm)]
    .map(([, line]) => line)
    .join('\n');

/** What the commands write to the file that includes the recipe. */
function include(yaml: string): string[] {
  const text = commands('split', yaml).split('\n')[2] as string;
  const file = folder.at('000_postern');
  execFileSync('sh', ['-c', text.replace('/etc/exim4/conf.d/main/000_postern', file)]);
  return folder.read('000_postern').trimEnd().split('\n');
}

describe.each(['split', 'single'] as const)('%s', (layout) => {
  const heading = { split: 'Debian, split configuration', single: 'Debian, single file' }[layout];
  it('they are those of the page where nothing is unusual', () => {
    const [block] = pageBlocks('mta/exim.md').filter((each) => each.heading === heading);
    const page = block?.text.replace('"$(npm root -g)"/postern', process.cwd());
    expect(commands(layout, usual)).toBe(page);
  });
});

it('they define the macros for other files and for the policy service', () => {
  expect(include(usual)).toEqual([INCLUDE]);
  expect(include(`${usual}policy: {}\n`)).toEqual([
    'POSTERN_POLICY = /run/postern/policy',
    INCLUDE,
  ]);
  const other = usual.replace(`${SPOOL}/blocked_users`, '/srv/mail/blocked');
  expect(include(`${other}policy: { listen: inet:127.0.0.1:10040 }\n`)).toEqual([
    'POSTERN_BLOCKED_USERS = /srv/mail/blocked',
    'POSTERN_POLICY = inet:127.0.0.1:10040',
    INCLUDE,
  ]);
});
