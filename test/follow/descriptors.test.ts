/** No file descriptors left: nothing is lost, and the follower continues. Runs the code in a separate process. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { scratchFolder } from '../support/folder.ts';

/** Opens files until there is no file descriptor left; `release` closes them. */
const EXHAUST = `
  import { appendFileSync, closeSync, openSync, writeFileSync } from 'node:fs';
  const taken = [];
  const exhaust = () => {
    for (;;) try { taken.push(openSync('/dev/null', 'r')); } catch { return; }
  };
  const release = () => taken.splice(0).forEach((fd) => closeSync(fd));
`;

function run(script: string, ...args: readonly string[]): unknown {
  const { stdout, stderr } = spawnSync(
    'prlimit',
    ['--nofile=64:64', process.execPath, '--input-type=module', '-e', EXHAUST + script, ...args],
    { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
  );
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

it('lines that came meanwhile are read once there are descriptors again', () => {
  const folder = scratchFolder('postern-follow-');
  const script = `
    const [, program, path] = process.argv;
    const { Follower } = await import(program);
    const { signal } = new AbortController();
    writeFileSync(path, '');
    const follower = new Follower({ path, signal, watch: false, onNotice: () => {} });
    const lines = async () => ((await follower.poll())?.lines ?? []).map(({ bytes }) => bytes);
    await lines();
    await lines();
    appendFileSync(path, 'one\\ntwo\\n');
    exhaust();
    const without = await lines();
    release();
    console.log(JSON.stringify([without, [...(await lines()), ...(await lines())]]));
  `;
  const found = run(script, resolve('src/follow/follower.ts'), folder.at('mail.log'));
  folder.remove();
  expect(found).toEqual([[], ['one', 'two']]);
});

it('memory is not looked at', () => {
  const script = `
    const { MemorySaver } = await import(process.argv[1]);
    exhaust();
    const isOn = new MemorySaver().look();
    release();
    console.log(JSON.stringify(isOn));
  `;
  expect(run(script, resolve('src/base/memory-saver.ts'))).toBe(false);
});
