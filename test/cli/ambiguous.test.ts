/** Logins of Exim with a colon, of which nobody knows whose they are: they count for nobody, and every command says so. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Scratch, scratch } from '../service/scratch.ts';

const LINES = [1, 2, 3, 4].flatMap((n) => {
  const [id, stamp] = [`1xUirY-0000000000${n}-3c4D`, new Date(Date.now() - 60_000).toISOString()];
  const at = stamp.slice(0, 19).replace('T', ' ');
  return [
    `${at} ${id} <= s@example.net H=(pc) [192.0.2.66] P=esmtpsa A=plain:alice:b${n} S=1000`,
    `${at} ${id} ** r${n}@example.org R=dnslookup T=remote_smtp H=mx.example.org [198.51.100.8]: SMTP error from remote mail server after RCPT TO:<r${n}@example.org>: 550 5.1.1 User unknown`,
  ];
});

let at: Scratch;
beforeEach(() => {
  at = scratch({ mta: 'exim' });
  at.write(...LINES);
});
afterEach(() => at.remove());

it('replay', async () => {
  const { out } = await at.run('replay', '--rules', at.path('rules'), at.log);
  expect(out).toContain('Nobody met a limit.');
  expect(out).toContain('4 messages of logins with a colon or a quote counted for nobody');
  const json = await at.run('replay', '--rules', at.path('rules'), at.log, '--format', 'json');
  expect(JSON.parse(json.out)).toMatchObject({ ambiguousLogins: 4, verdicts: [] });
});

it('status', async () => {
  const service = at.start();
  const shown = async () => (await at.run('status')).out;
  const words =
    '4 messages of logins with a colon or a quote, for example in "alice:b1", "alice:b2"';
  await expect.poll(shown, { timeout: 30_000 }).toContain(words);
  await service.stop();
  expect(at.withStore((store) => store.blocks.allRunning())).toEqual([]);
});
