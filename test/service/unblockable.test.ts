/** A login that no block file can hold: nobody is blocked in its place, and nobody is left in the belief that it is. */
import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { bounced, eventually, type Scratch, scratch } from './scratch.ts';

let at: Scratch;
afterEach(() => at.remove());

it('is in a notice, in status, and in no file', async () => {
  at = scratch();
  at.write();
  const service = at.start();
  for (let each = 0; each < 6; each++)
    at.write(...bounced('a"b@example.net', `x${each}@example.org`));
  expect(await eventually(() => at.mails().length > 0)).toBe(true);
  const [mail = ''] = at.mails();
  expect(mail).toContain('a"b@example.net');
  expect(mail.replace(/=\r?\n/g, '').replace(/\s+/g, ' ')).toContain(
    'NOT blocked, since no block file can hold it',
  );
  const { status, out } = await at.run('status');
  expect(status).toBe(1);
  expect(out).toContain('cannot be blocked: user:a"b@example.net: a table of this type cannot');
  await service.stop();
  expect(at.withStore((store) => store.blocks.allRunning())).toEqual([]);
  expect(readFileSync(at.path('maps/sasl_access'), 'utf8')).not.toContain('example.net');
});
