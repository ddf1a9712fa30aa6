/** `postern explain` as one screen: how it came to the block, what had gone out, what waits, what to do, who did what. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../../src/base/time.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { event, invalid, START } from '../judge/event.ts';
import { type Scratch, scratch } from '../service/scratch.ts';
import { INVALID, VERDICT } from './verdict.ts';

let at: Scratch;
let sudo: string | undefined;
beforeEach(() => {
  at = scratch({ rule: INVALID, extra: 'zone: UTC\nhost: mx1.example.net\n' });
  at.withStore(() => undefined);
  sudo = process.env.SUDO_USER;
});
afterEach(() => {
  if (sudo === undefined) delete process.env.SUDO_USER;
  else process.env.SUDO_USER = sudo;
  return at.remove();
});

const key = { type: 'user', id: 'alice@example.net' } as const;

/** Ten messages of one hour: the odd ones are refused by big.example, the others taken by two providers. */
function fill(): void {
  const events: MailEvent[] = Array.from({ length: 10 }, (_, n) => {
    const ago = (n - 10) * 5 * MINUTE;
    const host = n < 4 ? 'mx1.mail.protection.outlook.com' : 'mx.example.org';
    const sent = { submitter: key, direction: 'outbound', relay: { host } } as const;
    return [
      event(ago, { ...sent, relay: undefined, kind: 'accepted', recipients: 1, newRecipients: 1 }),
      n % 2 === 1
        ? invalid(ago, `u${n}@big.example`, { relay: { host: 'mx.big.example' } })
        : event(ago, { ...sent, kind: 'delivered', recipient: `r${n}@example.org` }),
    ];
  })
    .flat()
    .map((one, offset) => ({ ...one, offset }));
  at.withStore((store) =>
    store.commit(() => {
      store.events.insert(events);
      const met = { ...VERDICT, key, time: START - 5 * MINUTE, count: 5, limit: 5, period: HOUR };
      const verdict = store.verdicts.insert(met, 'blocked', 0);
      store.blocks.start({ key, cause: VERDICT.rule, start: START - 4 * MINUTE, verdict });
      store.events.insert([
        event(MINUTE, { kind: 'accepted', submitter: key, recipients: 1, offset: 900 }),
      ]);
    }),
  );
}

const explain = async (...more: string[]) =>
  (await at.run('explain', 'alice@example.net', '--utc', ...more)).out;

describe('a block', () => {
  it('is one screen', async () => {
    fill();
    const text = await explain();
    expect(text).toContain(`What happened
-------------
  2026-11-10 08:15Z  the first event that counts
  2026-11-10 08:35Z  half of the limit
  2026-11-10 08:55Z  the limit of invalid-recipients is met (in 1h)
  2026-11-10 08:56Z  block 1 begins
  2026-11-10 09:01Z  the last of 1 message that came while it was blocked
`);
    expect(text).toContain(`
  08:50  4  ######################################################            |
  08:55  5  ##################################################################|
  | limit 5
`);
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'Since 2026-11-09 08:55Z: 10 messages; recipients: 5 accepted elsewhere, 5 refused, 0 deferred. Accepted by example.org 3, Microsoft (outlook.com) 2.',
    );
    expect(text).toContain(`What to do next
---------------
  Have the password changed and the devices looked at before the block ends.
  Its mail in the queue (none, as far as the log says):
      postern queue alice@example.net
  To end the block, when it is cured or was wrong:
      postern unblock alice@example.net
`);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('is the same for programs', async () => {
    fill();
    const { story } = JSON.parse(await explain('--format', 'json'));
    expect(story).toMatchObject({
      timeline: expect.arrayContaining([
        { time: '2026-11-10T08:15:00.000Z', what: 'the first event that counts' },
      ]),
      rise: {
        since: '2026-11-10T07:55:00.000Z',
        step: '5m',
        values: [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5],
        limit: 5,
      },
      before: { messages: 10, delivered: 5, refused: 5, deferred: 0 },
      waiting: 0,
    });
  });

  it('says who ended it, and what to do then', async () => {
    fill();
    process.env.SUDO_USER = 'jo';
    await at.run('unblock', 'alice@example.net');
    const text = await explain();
    expect(text).toMatch(/Z {2}it ends: postern unblock by jo$/m);
    expect(text).toContain('To block it by hand:\n      postern block alice@example.net\n');
    expect(text).not.toContain('postern unblock alice');
  });

  it('by hand has the same screen, and the same for programs', async () => {
    await at.run('block', '192.0.2.9');
    const { out } = await at.run('explain', '192.0.2.9', '--utc');
    expect(out).toContain('What went out\n-------------\nNo mail since ');
    expect(out).toContain('      postern unblock 192.0.2.9\n');
    const json = JSON.parse((await at.run('explain', '1', '--format', 'json')).out);
    expect(json).toMatchObject({ id: 1, cause: 'manual', story: { waiting: 0 } });
    expect(json.story.timeline).toEqual([
      { time: json.start, what: expect.stringMatching(/^block 1 begins: postern block/) },
    ]);
  });

  it('by hand, too, says who began it', async () => {
    process.env.SUDO_USER = 'jo';
    await at.run('block', 'bob@example.net');
    process.env.SUDO_USER = 'kim; rm';
    await at.run('unblock', 'bob@example.net');
    const { out } = await at.run('explain', '1', '--utc');
    expect(out).toMatch(
      /Z {2}block 1 begins: postern block by jo\n.*Z {2}it ends: postern unblock$/m,
    );
  });
});

it('a submitter that nobody knows is not explained', async () => {
  const { status, err } = await at.run('explain', 'nobody@example.net');
  expect(status).toBe(1);
  expect(err).toContain('nobody@example.net: no rule was met, and there is no block.');
});
