import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildEximQueue } from '../../src/enforce/queue/exim.ts';
import { isEximMessageId, isPostfixQueueId } from '../../src/enforce/queue/ids.ts';
import { buildPostfixQueue } from '../../src/enforce/queue/postfix.ts';
import type { MailQueue } from '../../src/enforce/queue/queue.ts';
import { Selection } from '../../src/enforce/queue/selection.ts';
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

function postfix(command: readonly string[], timeout?: number): MailQueue {
  const none = [join(folder, 'none')];
  const commands = { postsuper: command, postqueue: command, postcat: none, postconf: none };
  return buildPostfixQueue(commands, timeout);
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
    ['hold', '-h', 'placed on hold'],
    ['release', '-H', 'released from hold'],
    ['remove', '-d', 'removed'],
  ] as const)('%s is postsuper %s, and what it printed', async (action, flag, words) => {
    // The name of the program depends on syslog_name; the sum at the end is no message.
    const { command, calls } = recorder(
      `echo "postfix-out/postsuper: 4F1A2B: ${words}" >&2; echo "postsuper: X: 1 message" >&2`,
    );
    const given = ['4F1A2B', 'ALL', '4F1A2B', 'ABCDEF'];
    expect(await postfix(command).act(action, given)).toEqual({
      outcomes: [
        { queueId: '4F1A2B', outcome: 'done' },
        { queueId: 'ABCDEF', outcome: 'gone' },
      ],
      refused: ['ALL'],
    });
    expect(calls()).toBe(`${flag} -\n4F1A2B\nABCDEF\n`);
  });

  it('runs nothing when there is no ID', async () => {
    const { command, calls } = recorder();
    expect(await postfix(command).act('remove', ['ALL'])).toEqual({
      outcomes: [],
      refused: ['ALL'],
    });
    expect(calls()).toBe('');
  });

  it('says what a command did before it failed, and why it failed', async () => {
    const { command } = recorder(
      'echo "postsuper: 4F1A2B: placed on hold" >&2; echo "postsuper: fatal: disk" >&2; exit 1',
    );
    const result = await postfix(command).act('hold', ['4F1A2B', 'ABCDEF']);
    expect(result.outcomes).toEqual([{ queueId: '4F1A2B', outcome: 'done' }]);
    expect(result.failure?.message).toMatch(/mta -h -: postsuper: fatal: disk/);
  });

  it('reports a command that does not exist, or hangs', async () => {
    const missing = await postfix([join(folder, 'none')]).act('hold', ['4F1A2B']);
    expect(missing.failure?.message).toMatch(/cannot be started: ENOENT/);
    const { command } = recorder('sleep 60');
    const hanging = await postfix(command, 200).act('hold', ['4F1A2B']);
    expect(hanging.failure?.message).toMatch(/no answer within 0.2 s/);
  });

  it('asks for delivery one message after the other, and stops at a failure', async () => {
    const { command, calls } = recorder();
    expect(await postfix(command).deliver(['4F1A2B', 'ABCDEF', 'ALL'])).toEqual({ unasked: 0 });
    expect(calls().split('\n').sort()).toEqual(['', '-i 4F1A2B', '-i ABCDEF']);
    const failing = await postfix(recorder('exit 1').command).deliver(Array(9).fill('4F1A2B'));
    expect(failing.failure?.message).toContain('exit status 1');
  });

  it('lists what postqueue prints in several parts, and skips lines that are no message', async () => {
    const line = (id: string, sender: string) =>
      `{"queue_name": "hold", "queue_id": "${id}", "arrival_time": 1795985678, "message_size": 265, "forced_expire": false, "sender": "${sender}", "recipients": [{"address": "x@remote.example", "delay_reason": "a reason"}]}`;
    const { command } = recorder(
      `cat <<'END'\n${line('4F1A2B', 'a@example.net')}\nnot JSON\n{}\n${line('ABCDEF', 'MAILER-DAEMON')}\nEND`,
    );
    const owners = [{ type: 'sender', id: 'A@example.net' } as const];
    const selection = new Selection({ ids: ['ABCDEF'], owners });
    const { messages } = await postfix(command).list(selection, 5000);
    expect(messages).toEqual([
      {
        queueId: '4F1A2B',
        time: 1795985678000,
        size: 265,
        sender: 'a@example.net',
        recipients: [{ address: 'x@remote.example', reason: 'a reason' }],
        state: 'hold',
        held: true,
      },
      expect.objectContaining({ queueId: 'ABCDEF', sender: '' }),
    ]);
  });

  it('says how many messages it could not examine', async () => {
    const entry = { queue_name: 'deferred', arrival_time: 1, message_size: 1, sender: 'a@b' };
    const lines = ['4F1A2B', 'ABCDEF'].map((queue_id) =>
      JSON.stringify({ ...entry, queue_id, recipients: [] }),
    );
    const { command } = recorder(`cat <<'END'\n${lines.join('\n')}\nEND`);
    const owners = [{ type: 'user', id: 'alice' } as const];
    const submitter = { type: 'user', id: 'alice' } as const;
    // The log knows the first one: only the second needs a look at its file.
    const known = [{ queueId: '4F1A2B', submitter, sender: 'A@b' }];
    const listing = await postfix(command).list(new Selection({ owners, known }), 5000);
    expect(listing).toMatchObject({ unread: 1, messages: [{ queueId: '4F1A2B' }] });
    expect(listing.failure?.message).toContain('ENOENT');
  });
});

describe('Exim', () => {
  const ids = Array.from({ length: 250 }, (_, n) => `1mAbCd-${String(n).padStart(6, '0')}-7Z`);

  it.each([
    ['hold', '-Mf', 'is now frozen'],
    ['release', '-Mt', 'is no longer frozen'],
    ['remove', '-Mrm', 'has been removed'],
  ] as const)('%s is exim %s with the IDs, in portions', async (action, flag, words) => {
    const { command, calls } = recorder(
      `shift; for id in "$@"; do echo "Message $id ${words}"; done`,
    );
    const { outcomes } = await buildEximQueue(command).act(action, ids);
    expect(outcomes).toEqual(ids.map((queueId) => ({ queueId, outcome: 'done' })));
    expect(calls()).toBe(
      `${flag} ${ids.slice(0, 200).join(' ')}\n${flag} ${ids.slice(200).join(' ')}\n`,
    );
  });

  it.each([
    ['hold', 'Message ID is already frozen', 'already'],
    ['hold', 'Spool data file for ID does not exist', 'gone'],
    ['hold', 'Spool read error for ID-H: No such file or directory', 'gone'],
    ['release', 'Message ID is not frozen', 'already'],
    [
      'remove',
      'Spool data file for ID does not exist\nContinuing, to ensure all files removed\n' +
        'Spool read error for ID-H: No such file or directory\n' +
        'Continuing to ensure all files removed\nMessage ID has been removed or did not exist',
      'gone',
    ],
    ['remove', 'Spool format error for ID-H\nMessage ID has been removed', 'done'],
  ] as const)('%s: %j counts as %s', async (action, said, outcome) => {
    const queueId = ids[0] as string;
    const { command } = recorder(`echo "${said.replaceAll('ID', queueId)}"; exit 1`);
    const result = await buildEximQueue(command).act(action, [queueId]);
    expect(result).toEqual({ outcomes: [{ queueId, outcome }], refused: [] });
  });

  it('tries again what is being delivered, and says so if that lasts', async () => {
    const [queueId = ''] = ids;
    const { command, calls } = recorder(
      `[ "$(wc -l <'${folder}/calls')" -gt 1 ] && echo "Message ${queueId} is now frozen" || echo "Message ${queueId} is locked"; exit 1`,
    );
    const result = await buildEximQueue(command).act('hold', [queueId]);
    expect(result.outcomes).toEqual([{ queueId, outcome: 'done' }]);
    expect(calls().trim().split('\n')).toHaveLength(2);
    const locked = recorder(`echo "Message ${queueId} is locked"; exit 1`).command;
    expect((await buildEximQueue(locked).act('hold', [queueId])).outcomes).toEqual([
      { queueId, outcome: 'busy' },
    ]);
  });

  it.each([
    ['Permission denied', /Permission denied/],
    ['', /printed nothing|exit status 1/],
  ])('reports %j', async (said, message) => {
    const { command } = recorder(`echo "${said}"; exit 1`);
    const result = await buildEximQueue(command).act('hold', ids.slice(0, 1));
    expect(result.outcomes).toEqual([]);
    expect(result.failure?.message).toMatch(message);
  });

  it('repeats what else Exim says about a message', async () => {
    const [queueId = ''] = ids;
    const said = `Message ${queueId} could not be frozen: no space`;
    const { command } = recorder(`echo "${said}"; exit 1`);
    expect((await buildEximQueue(command).act('hold', [queueId])).outcomes).toEqual([
      { queueId, outcome: 'failed', text: said },
    ]);
  });
});
