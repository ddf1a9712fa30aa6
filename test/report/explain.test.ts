/** `postern explain` and the mail say the same about a verdict. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { MINUTE, SECOND } from '../../src/base/time.ts';
import { main } from '../../src/cli/commands.ts';
import { Notices } from '../../src/daemon/notices.ts';
import type { Block, Verdict } from '../../src/model/block.ts';
import type { Mail } from '../../src/notify/mail.ts';
import { Store } from '../../src/store/store.ts';
import { START } from '../judge/event.ts';
import { type Scratch, scratch } from '../service/scratch.ts';
import { OUTAGE } from './outage.ts';
import { ALICE, both, INVALID, rule, ruleText, save, VERDICT } from './verdict.ts';

const SHARE = ruleText(
  'invalid-share',
  'count: invalid',
  'ratio-of: recipients',
  'at-least: 15',
  'limit: 25%',
  'period: 1h',
);

let at: Scratch;
beforeEach(() => {
  at = scratch({ rule: INVALID });
});
afterEach(() => at.remove());

/** What `postern explain` prints, and the mail about the same verdict, both without line breaks. */
async function told(verdict: Verdict): Promise<{ explained: string; mail: Mail }> {
  const id = at.withStore((store) => store.verdicts.insert(verdict, 'mode-observe', 0));
  const out: string[] = [];
  const io = { stdout: (text: string) => void out.push(text), stderr: () => undefined };
  await main(['explain', ALICE.id, '--utc', '--config', at.config], io);
  return { explained: flat(out.join('')), mail: await mailAbout(id) };
}

async function mailAbout(verdict: number, block?: number): Promise<Mail> {
  const mails: Mail[] = [];
  const store = new Store(at.path('postern.db'));
  store.outbox.tell('verdict', { verdict, block }, START - 60 * MINUTE);
  const notices = new Notices({
    store,
    notifier: { send: async (mail) => void mails.push(mail) },
    to: ['abuse@example.net'],
    from: 'postern@mx1.example.net',
    digest: SECOND,
    cap: 10,
    rules: new Map([SHARE, INVALID].map((text) => [rule(text).name, rule(text)])),
    clock: { now: () => START },
    log: silentLog,
  });
  await notices.run();
  store.close();
  expect(mails).toHaveLength(1);
  return mails[0] as Mail;
}

function flat(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

describe('explain and the mail', () => {
  it.each([
    ['a share as percent', 'invalid-share', '93.7 % (limit 25 %) in 1h', '93.7 % in 1h'],
    ['a number as it is', 'invalid-recipients', '93.7 (limit 25) in 1h', '93.7 in 1h'],
    ['of a rule that is gone the bare number', 'old-share', '93.7 (limit 25) in 1h', '93.7 in 1h'],
  ])('tell %s', async (_what, name, counted, met) => {
    writeFileSync(at.path('rules/share.yaml'), SHARE);
    const { explained, mail } = await told({ ...VERDICT, rule: name, count: 93.7, limit: 25 });
    expect(explained).toContain(`Counted: ${counted} `);
    expect(flat(mail.text)).toContain(`Counted: ${counted} `);
    expect(mail.subject).toMatch(new RegExp(`: ${name}, ${met}$`));
  });

  it.each(['invalid-recipients', 'gone'])('tell apart what %s did not count', async (name) => {
    save(at, [...both(16), ...both(25)], [{ ...OUTAGE, ended: START + 40 * MINUTE }]);
    const { explained, mail } = await told({ ...VERDICT, rule: name });
    const said =
      'Not counted: 2 refusals by big.example during its outage from 2026-11-10T09:15:00.000Z to 2026-11-10T09:40:00.000Z';
    for (const text of [explained, flat(mail.text), flat(mail.html.replaceAll(/<[^>]*>+/g, ' '))]) {
      expect(text.replace('Not counted ', 'Not counted: ')).toContain(said);
      expect(text).toContain('1 different');
      expect(text).not.toContain('b@big.example');
    }
  });

  it('tell what was counted before an outage was detected', async () => {
    save(at, both(16), [OUTAGE]);
    const { explained, mail } = await told({ ...VERDICT, time: START + 17 * MINUTE });
    for (const text of [explained, flat(mail.text)]) {
      expect(text).toContain(
        'Counted before the outage was detected: 1 refusal by big.example during',
      );
      expect(text).toContain('its outage since 2026-11-10T09:15:00.000Z');
      expect(text).toContain('2 different');
    }
  });

  it('tell of a block that was released because of an outage before its mail was written', async () => {
    const key = ALICE as Block['key'];
    const [verdict, block] = at.withStore((store) => {
      const verdict = store.verdicts.insert(VERDICT, 'blocked', 0);
      const cause = VERDICT.rule;
      const block = store.blocks.start({ key, cause, start: START, verdict })?.id ?? 0;
      store.blocks.release(block, START + MINUTE, 'guard', 0);
      return [verdict, block];
    });
    const { subject, text } = await mailAbout(verdict, block);
    expect(subject).toContain('alice@example.net was blocked, now released: invalid-recipients');
    expect(flat(text)).toContain('Block: number 1, ended 2026-11-10T09:01:00.000Z');
    expect(flat(text)).toContain('its refusals came from a provider outage.');
    expect(text).not.toMatch(/in force|unblock/);
  });
});

it('says why a program of this machine is not blocked', async () => {
  const key = { type: 'client', id: '127.0.0.1' } as const;
  at.withStore((store) => store.verdicts.insert({ ...VERDICT, key }, 'observed', 0));
  const out: string[] = [];
  const io = { stdout: (text: string) => void out.push(text), stderr: () => undefined };
  await main(['explain', key.id, '--utc', '--config', at.config], io);
  expect(flat(out.join(''))).toContain('Not blocked: loopback is never blocked');
});
