/** `sign`, `verify` and `key` as typed: the lines of docs/return-path.md, and what they refuse. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';

let folder = '';
let keys = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-sign-'));
  keys = join(folder, 'keys');
  writeFileSync(keys, '0 secret\n', { mode: 0o600 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(...argv: string[]) {
  let stdout = '';
  let stderr = '';
  const io = {
    stdout: (text: string) => {
      stdout += text;
    },
    stderr: (text: string) => {
      stderr += text;
    },
  };
  const status = await main([...argv, '--keys', keys], io);
  return { status, stdout, stderr };
}

describe('docs/return-path.md', () => {
  const lines = readFileSync('docs/return-path.md', 'utf8').split('\n');
  const examples = lines.flatMap((line, index) => {
    const command = /^ {4}\$ postern (.*)$/.exec(line)?.[1];
    return command === undefined ? [] : [[command, (lines[index + 1] as string).trim()] as const];
  });

  it('has examples', () => expect(examples.length).toBeGreaterThan(2));

  it.each(examples)('%s', async (command, expected) => {
    const { stdout, stderr } = await run(...command.split(' '));
    expect(stdout + stderr).toBe(`${expected}\n`);
  });
});

it.each([
  [['sign', '<>'], 1, 'postern: <>: not an address with a domain\n'],
  [['sign', 'prvs=0730576ed6=user@example.com'], 1, 'already signed\n'],
  [['sign', '--scheme', 'exim-hash', 'a@b.example'], 1, 'none is known\n'],
  [['sign', '--scheme', 'srs', 'a@b.example'], 2, 'Allowed choices are prvs, exim-hash'],
  [['sign', '--at', 'noon', 'a@b.example'], 2, 'expected a duration such as 24h or a time'],
  [['verify', 'user@example.com'], 1, 'postern: <user@example.com>: unsigned\n'],
  [['key', 'retire'], 2, 'expected add, list, or retire DIGIT'],
  [['key', 'retire', '5'], 2, 'has no key with this number'],
  [['key', 'retire', '0'], 1, 'run postern key add first'],
  [['key', 'rotate'], 2, 'Allowed choices are add, list, retire'],
] as const)('%j: status %i', async (argv, status, message) => {
  const result = await run(...argv);
  expect(result.status).toBe(status);
  expect(result.stderr).toContain(message);
  expect(result.stdout).toBe('');
});

it('verify takes either form, and for exim-hash a recipient', async () => {
  const argv = ['--scheme', 'exim-hash', '--to', '<bob@example.org>'];
  const signed = (await run('sign', ...argv, '<alice@example.net>')).stdout.trim();
  expect((await run('verify', `<${signed}>`)).stdout).toBe('alice@example.net\n');
  expect((await run('verify', '--to', 'BOB@example.org', signed)).status).toBe(0);
  expect((await run('verify', '--to', 'eve@example.org', signed)).stderr).toContain(
    'signed for bob@example.org',
  );
  const { stdout } = await run('verify', '--format', 'json', signed);
  expect(JSON.parse(stdout)).toEqual({
    outcome: 'valid',
    address: 'alice@example.net',
    recipient: 'bob@example.org',
  });
});

it('keys are made, replaced and retired, and no secret is printed', async () => {
  rmSync(keys);
  expect((await run('key', 'list')).stderr).toContain('make one with: postern key add');
  const said = [await run('key', 'add'), await run('key', 'add'), await run('key', 'retire', '0')];
  expect(said.map(({ status }) => status)).toEqual([0, 0, 0]);
  expect(statSync(keys).mode & 0o777).toBe(0o600);
  const list = await run('key', 'list');
  expect(list.stdout).toMatch(/^0 {2}retired, verifies until .*\n1 {2}signs and verifies/);
  const secrets = [...readFileSync(keys, 'utf8').matchAll(/^\d (.*)$/gm)].map(
    ([, secret]) => secret,
  );
  expect(secrets).toHaveLength(2);
  const printed = [...said, list].map(({ stdout }) => stdout).join('');
  for (const secret of secrets) expect(printed).not.toContain(secret);
});
