/** The report of a period: as text in 80 columns, as HTML and as JSON. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/commands.ts';
import { bounced, eventually, type Scratch, scratch } from './scratch.ts';

let at: Scratch;

beforeAll(async () => {
  at = scratch();
  const service = at.start();
  const names = (count: number) =>
    Array.from({ length: count }, (_, index) => `nobody${index}@example.org`);
  at.write(...names(7).flatMap((name) => bounced('alice@example.net', name)));
  at.write(...names(4).flatMap((name) => bounced('bob@example.net', name)));
  at.write(...names(1).flatMap((name) => bounced('carol@example.net', name)));
  at.write(
    `${new Date().toISOString()} mx1 postfix/smtpd[9]: NOQUEUE: reject: RCPT from unknown[203.0.113.9]: 550 5.1.1 <n@example.net>: Recipient address rejected: User unknown in local recipient table; from=<x@example.org> to=<n@example.net> proto=ESMTP helo=<bot>`,
  );
  const seen = () =>
    at.withStore((store) => [...store.events.query({ clientAddress: '203.0.113.9' })].length === 1);
  expect(await eventually(seen)).toBe(true);
  await service.stop();
});

afterAll(() => at.remove());

async function report(...more: string[]): Promise<string> {
  const out: string[] = [];
  const status = await main(['report', '--config', at.config, ...more], {
    stdout: (text) => void out.push(text),
    stderr: (text) => void out.push(text),
  });
  expect(status).toBe(0);
  return out.join('');
}

describe('as text', () => {
  it.each([
    ['totals by outcome', /^bounced +12$/m],
    ['blocks', /^ +1 {2}alice@example\.net {2}invalid-recipients {2}.* runs$/m],
    ['who came near', /^bob@example\.net {2}invalid-recipients {2}4 +5 {4,}/m],
    ['top submitters with their share', /^ +7 +7 +100 % +1 {2}alice@example\.net$/m],
    ['who refuses us and why', /^ +12 {2}invalid-recipient {2}mx\.example\.org\n +550 5\.1\.1 /m],
    ['inbound attacks by client', /^203\.0\.113\.9 +1 +0 +1$/m],
    ['DSNs sent', /^Delivery status notifications\n-+\nSent\n +0$/m],
  ])('%s', async (_what, pattern) => {
    expect(await report('--since', '1h')).toMatch(pattern);
  });

  it('stays within 80 columns', async () => {
    expect((await report()).split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('leaves out who did not come near, and what was before', async () => {
    const text = await report('--since', '1h');
    expect(/Came near a limit\n-+\n.*\n(.*)\n\n/.exec(text)?.[1]).toContain('bob@example.net');
    expect(text).not.toContain('carol@example.net  invalid');
    expect(await report('--since', '2h', '--until', '1h')).toContain('No mail was seen.');
  });
});

it('as HTML', async () => {
  const html = await report('--format', 'html');
  expect(html).toMatch(/^<!DOCTYPE html>[\s\S]*<\/html>\n$/);
  for (const part of ['<td>alice@example.net</td>', '<td>bob@example.net</td>', '<td>runs</td>'])
    expect(html).toContain(part);
});

it('as JSON', async () => {
  expect(JSON.parse(await report('--format', 'json'))).toMatchObject({
    since: expect.stringMatching(/T.*Z$/),
    kinds: expect.arrayContaining([{ kind: 'bounced', count: 12 }]),
    blocks: [{ key: { type: 'user', id: 'alice@example.net' } }],
    near: [{ key: { type: 'user', id: 'bob@example.net' }, highest: 4, limit: 5 }],
    submitters: [
      { id: 'alice@example.net', invalid: 7 },
      { id: 'bob@example.net', invalid: 4 },
      { id: 'carol@example.net', invalid: 1 },
    ],
    attackers: [{ address: '203.0.113.9', invalid: 1 }],
  });
});
