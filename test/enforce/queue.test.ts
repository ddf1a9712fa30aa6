import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  buildEximQueue,
  buildPostfixQueue,
  isEximMessageId,
  isPostfixQueueId,
} from '../../src/enforce/queue.ts';
import { script } from './real-postmap.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-queue-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A command that records its arguments and input, then does `rest`. */
function recorder(rest = ''): { command: readonly string[]; calls: () => string } {
  const log = join(folder, 'calls');
  const command = script(join(folder, 'mta'), `{ echo "$*"; cat; } >>'${log}'; ${rest}`);
  return { command, calls: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') };
}

describe('queue IDs', () => {
  it.each(['4F1A2B', '3D7C5401E9', '4jWpyC4cRyzJQ8B'])('%s of Postfix', (id) => {
    expect(isPostfixQueueId(id)).toBe(true);
  });
  it.each(['1mAbCd-0001Xy-7Z', '1uAbCd-00000001aBc-2dEf'])('%s of Exim', (id) => {
    expect(isEximMessageId(id)).toBe(true);
    expect(isPostfixQueueId(id)).toBe(false);
  });
  it.each([
    '',
    'ALL',
    '-',
    '-d',
    'ABC',
    '4F1A2B\nALL',
    '4F1A2B ',
    '../4F1A2B',
    '4f1a2b',
    '1'.repeat(99),
    '-Mrm',
    '1mAbCd-0001Xy-7Z;x',
  ])('%j of neither', (id) => {
    expect(isPostfixQueueId(id)).toBe(false);
    expect(isEximMessageId(id)).toBe(false);
  });
});

describe('Postfix', () => {
  it.each([
    ['hold', '-h'],
    ['release', '-H'],
    ['remove', '-d'],
  ] as const)('%s is postsuper %s with the IDs on its input', async (action, flag) => {
    const { command, calls } = recorder();
    const result = await buildPostfixQueue({ command }).act(action, [
      '4F1A2B',
      'ALL',
      '4F1A2B',
      'ABCDEF',
    ]);
    expect(result).toEqual({ ids: ['4F1A2B', 'ABCDEF'], refused: ['ALL'] });
    expect(calls()).toBe(`${flag} -\n4F1A2B\nABCDEF\n`);
  });

  it('runs nothing when there is no ID', async () => {
    const { command, calls } = recorder();
    expect(await buildPostfixQueue({ command }).act('remove', ['ALL'])).toEqual({
      ids: [],
      refused: ['ALL'],
    });
    expect(calls()).toBe('');
  });

  it('reports the message of the command when it fails', async () => {
    const { command } = recorder(
      'echo "postsuper: fatal: use of this command is reserved" >&2; exit 1',
    );
    const { failure } = await buildPostfixQueue({ command }).act('hold', ['4F1A2B']);
    expect(failure?.message).toMatch(/mta -h -: postsuper: fatal: use of this command/);
  });

  it('reports a command that does not exist, or hangs', async () => {
    const missing = await buildPostfixQueue({ command: [join(folder, 'none')] }).act('hold', [
      '4F1A2B',
    ]);
    expect(missing.failure?.message).toMatch(/cannot be started: ENOENT/);
    const { command } = recorder('sleep 60');
    const hanging = await buildPostfixQueue({ command, timeout: 200 }).act('hold', ['4F1A2B']);
    expect(hanging.failure?.message).toMatch(/no answer within 0.2 s/);
  });
});

describe('Exim', () => {
  const ids = Array.from({ length: 250 }, (_, n) => `1mAbCd-${String(n).padStart(6, '0')}-7Z`);

  it.each([
    ['hold', '-Mf'],
    ['release', '-Mt'],
    ['remove', '-Mrm'],
  ] as const)('%s is exim %s with the IDs, in portions', async (action, flag) => {
    const { command, calls } = recorder();
    expect(await buildEximQueue({ command }).act(action, ids)).toEqual({ ids, refused: [] });
    expect(calls()).toBe(
      `${flag} ${ids.slice(0, 200).join(' ')}\n${flag} ${ids.slice(200).join(' ')}\n`,
    );
  });

  it('does not fail for messages that are gone or already frozen', async () => {
    const said = `Message ${ids[0]} is already frozen\nSpool data file for ${ids[1]} does not exist`;
    const { command } = recorder(`echo "${said}"; exit 1`);
    expect(await buildEximQueue({ command }).act('hold', ids.slice(0, 2))).not.toHaveProperty(
      'failure',
    );
  });

  it.each(['Permission denied', `Message ${ids[0]} is locked`])('reports %j', async (said) => {
    const { command } = recorder(`echo "${said}"; exit 1`);
    const result = await buildEximQueue({ command }).act('hold', ids.slice(0, 1));
    expect(result.failure?.message).toContain(said);
  });
});
