/** The zone of this host, which is asked without its name, against the same zone by its name. */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { buildOffset, HOST_ZONE, isZone } from '../../src/base/time.ts';

const TIME = resolve('src/base/time.ts');

/** In a process of its own, because the zone of a process is set once: minutes of each hour of two years. */
const CODE = `
  const { HOST_ZONE, buildOffset, findZoneName } = await import(${JSON.stringify(TIME)});
  const [host, named] = [buildOffset(HOST_ZONE), buildOffset(process.env.TZ)];
  const differing = [];
  const seen = new Set();
  for (let at = Date.UTC(2026, 0); at < Date.UTC(2028, 0); at += 3_600_000) {
    if (!Object.is(host(at), named(at))) differing.push(at);
    seen.add(host(at));
  }
  console.log(JSON.stringify({ differing, offsets: [...seen], name: findZoneName(HOST_ZONE) }));
`;

it.each([
  ['UTC', [0]],
  ['Europe/Berlin', [60, 120]],
  ['America/New_York', [-300, -240]],
  ['Australia/Lord_Howe', [660, 630]],
  ['Asia/Kathmandu', [345]],
])('the host in %s is %j minutes ahead of UTC', (zone, offsets) => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', CODE], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, TZ: zone },
  });
  // Some systems know a zone by an older name.
  const name = expect.stringMatching(zone === 'Asia/Kathmandu' ? /^Asia\/Kat[h]?mandu$/ : zone);
  expect(JSON.parse(stdout), stderr).toEqual({ differing: [], offsets, name });
});

it.each(['Nowhere/Land', '+1:00'])('there is no zone %s', (name) => {
  expect(() => buildOffset(name)).toThrow(RangeError);
});

it('nobody can configure a zone of that name', () => {
  expect(isZone(HOST_ZONE)).toBe(false);
});
