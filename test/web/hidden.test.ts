/** Hidden characters that strangers put into the log or the database are on no page and in no answer to a browser. */
import { afterEach, expect, it } from 'vitest';
import { escapeControls } from '../../src/base/escape.ts';
import { bounced, eventually } from '../service/scratch.ts';
import { Client, type Place, place } from './place.ts';

let at: Place;
afterEach(() => at.remove());

const EVIL = '\x1b]0;owned\x07\x7f\x9b31m\u202e\u061c\u200b\ufeff\u2028\u{e0041}';
const RAW =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u;
const LOGIN = `a${EVIL}b@example.net`;

const PAGES = [
  '/',
  '/blocks',
  '/blocks?all=1',
  '/events',
  `/events?of=${encodeURIComponent(escapeControls(LOGIN))}`,
  `/events?kind=${encodeURIComponent(EVIL)}`,
  '/events.csv',
  '/events.jsonl',
  '/rules',
  '/report',
  '/report/page',
  '/listings',
  '/milter',
  '/audit',
  '/actions',
  '/now/part',
  '/rules/near',
  '/rules/tuning',
  `/story/queue?id=${encodeURIComponent(escapeControls(LOGIN.toLowerCase()))}`,
  '/now/minutes',
  `/story?id=${encodeURIComponent(escapeControls(LOGIN.toLowerCase()))}`,
  `/story/chart?id=${encodeURIComponent(escapeControls(LOGIN.toLowerCase()))}`,
  `/queue?id=${encodeURIComponent(LOGIN)}`,
  `/${encodeURIComponent(EVIL)}`,
  `/login?next=${encodeURIComponent(EVIL)}`,
];

it('of strangers are shown as escapes', async () => {
  at = await place();
  at.write(
    ...[1, 2, 3, 4, 5].flatMap((n) => bounced(LOGIN, `r${n}${EVIL}@example.org`)),
    ...bounced('bob@example.net', 'r@example.org'),
  );
  const service = at.start();
  expect(await eventually(() => at.mails().length > 0)).toBe(true);
  await service.stop();
  const { store } = at.desk;
  const key = { type: 'user', id: LOGIN.toLowerCase() } as const;
  at.withStore((own) =>
    own.commit(() => own.blocks.start({ key, cause: EVIL, note: EVIL, start: Date.now() })),
  );
  expect(store.blocks.allRunning()).not.toEqual([]);
  const client = new Client(at);
  await client.logIn('ann');
  const shown: string[] = [];
  for (const path of PAGES) {
    const text = (await client.get(path)).text.replaceAll('\r\n', '\n'); // CSV
    expect([path, RAW.exec(text)]).toEqual([path, null]);
    if (text.includes('owned')) shown.push(path);
  }
  expect(shown).toEqual(expect.arrayContaining(['/', '/blocks', '/events', '/events.csv']));
});
