/** Replacing a file: what a kill leaves behind, who owns the new file. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFile } from '../../src/base/files.ts';
import { HOUR } from '../../src/base/time.ts';

let folder = '';
const at = (name: string) => join(folder, name);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;

describe('replacing a file', () => {
  const LEFT = '.blocked.0123456789ab';
  const old = (name: string, age: number) => {
    writeFileSync(at(name), 'half a');
    utimesSync(at(name), new Date(Date.now() - age), new Date(Date.now() - age));
  };

  it('removes the temporary file of a killed process, once that can no longer be at work', () => {
    old(LEFT, 2 * HOUR);
    old('.blocked.ffffffffffff', HOUR / 2);
    const others = ['.blocked.0123456789', '.blocked.new.0123456789ab', '.blocked.0123456789AB'];
    for (const name of [...others, 'blocked.0123456789ab']) old(name, 2 * HOUR);
    mkdirSync(at('.blocked.aaaaaaaaaaaa'));
    utimesSync(at('.blocked.aaaaaaaaaaaa'), 1, 1);
    replaceFile(at('blocked'), 'new');
    const kept = ['.blocked.ffffffffffff', ...others, 'blocked.0123456789ab'];
    expect(readdirSync(folder).toSorted()).toEqual(
      ['blocked', '.blocked.aaaaaaaaaaaa', ...kept].toSorted(),
    );
    expect(readFileSync(at('blocked'), 'utf8')).toBe('new');
  });

  it('leaves none when it fails', () => {
    const check = () => {
      throw new Error('changed');
    };
    expect(() => replaceFile(at('blocked'), 'new', 0o644, check)).toThrow('changed');
    expect(readdirSync(folder)).toEqual([]);
  });

  /** The file belongs to another account, but to our group: a service without root meets this in a group-writable folder. */
  it.runIf(isRoot)('keeps the group where the owner cannot be kept', () => {
    const [service, group] = [64_713, 64_714];
    writeFileSync(at('blocked'), 'old');
    chownSync(at('blocked'), 0, group);
    chmodSync(at('blocked'), 0o640);
    chmodSync(folder, 0o777);
    const groups = process.getgroups?.() ?? [];
    process.setgroups?.([group]);
    process.seteuid?.(service);
    try {
      replaceFile(at('blocked'), 'new');
    } finally {
      process.seteuid?.(0);
      process.setgroups?.(groups);
    }
    const { uid, gid, mode } = statSync(at('blocked'));
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: service, gid: group, mode: 0o640 });
  });
});
