/**
 * Newsletters that are put off and bought lists that hide behind what is put off: 400 made-up lists of each kind (10
 * in the short form), through the rule of the package. The figures are those of docs/rules.md.
 */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE } from '../../src/base/time.ts';
import { Judge } from '../../src/judge/judge.ts';
import { loadRules } from '../../src/judge/rule.ts';
import type { MailEvent } from '../../src/model/event.ts';
import { event } from './event.ts';

const LISTS = process.env.POSTERN_TORTURE === 'long' ? 400 : 10;
const TIMEOUT = LISTS * 5000;
const RULES = loadRules(join(import.meta.dirname, '../../rules')).filter(
  ({ name }) => name === 'invalid-recipients',
);

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** What one recipient's server does. */
interface Fate {
  readonly host: string;
  readonly isDead: boolean;
  /** the first answer is a refusal for now, to dead recipients too */
  readonly isPutOff: boolean;
}

type Fates = (random: () => number) => Fate;

const between = (random: () => number, low: number, high: number) => low + random() * (high - low);
const big = (random: () => number) => `mx.big${Math.floor(random() * 4)}.example`;
const small = (random: () => number) => `mx.small${Math.floor(random() * 600)}.example`;

/** What was put off is tried again each half an hour to hour, for up to six hours. */
function sendList(seed: number, fates: Fates): MailEvent[] {
  const random = seeded(seed);
  const count = Math.round(between(random, 2000, 9000));
  const took = between(random, 5 * MINUTE, 55 * MINUTE);
  const events: MailEvent[] = [];
  for (let index = 0; index < count; index++) {
    const { host, isDead, isPutOff } = fates(random);
    const mail = buildMail(index, host);
    let at = random() * took;
    for (const left = isPutOff ? at + between(random, 0.2, 6) * HOUR : 0; at < left; ) {
      events.push(event(at, { ...mail, kind: 'deferred', reason: 'rate-limited' }));
      at += between(random, 30, 60) * MINUTE;
    }
    const end = isDead
      ? ({ kind: 'bounced', reason: 'invalid-recipient' } as const)
      : { kind: 'delivered' as const };
    events.push(event(at + (isDead ? 1000 : between(random, 1000, 60_000)), { ...mail, ...end }));
  }
  return events.sort((a, b) => a.time - b.time);
}

function buildMail(index: number, host: string): Partial<MailEvent> {
  return {
    queueId: `Q${index}`,
    submitter: { type: 'user', id: 'list@example.net' },
    direction: 'outbound',
    sender: 'list@example.net',
    recipient: `r${index}@${host.slice(3)}`,
    relay: { host },
  };
}

/** How many of the lists were blocked. */
function countBlocked(choose: (random: () => number) => Fates): number {
  let blocked = 0;
  for (let seed = 1; seed <= LISTS; seed++) {
    const judge = new Judge(RULES);
    const events = sendList(seed, choose(seeded(1000 + seed)));
    if (events.some((each) => judge.feed(each).length > 0)) blocked++;
  }
  return blocked;
}

describe('nobody is blocked for a newsletter', { timeout: TIMEOUT }, () => {
  test('3 to 5 % dead, 80 to 95 % of the others put off everywhere', () => {
    const blocked = countBlocked((random) => {
      const dead = between(random, 0.03, 0.05);
      const putOff = between(random, 0.8, 0.95);
      return (next) => {
        const isDead = next() < dead;
        const host = next() < 0.7 ? big(next) : small(next);
        return { host, isDead, isPutOff: !isDead && next() < putOff };
      };
    });
    expect(blocked).toBe(0);
  });

  test('the same, when dead addresses are put off as well', () => {
    const blocked = countBlocked((random) => {
      const dead = between(random, 0.03, 0.05);
      const putOff = between(random, 0.8, 0.95);
      return (next) => ({
        host: next() < 0.7 ? big(next) : small(next),
        isDead: next() < dead,
        isPutOff: next() < putOff,
      });
    });
    expect(blocked).toBe(0);
  });

  test('large providers put off all, and the small ones have up to three times as many dead', () => {
    const blocked = countBlocked((random) => {
      const dead = between(random, 0.03, 0.05);
      const bigPart = between(random, 0.6, 0.85);
      const times = between(random, 1, 3);
      // The whole list has `dead`; the small ones have `times` as many as the large ones.
      const atBig = dead / (bigPart + times * (1 - bigPart));
      return (next) => {
        const isBig = next() < bigPart;
        const isDead = next() < (isBig ? atBig : times * atBig);
        return { host: isBig ? big(next) : small(next), isDead, isPutOff: isBig };
      };
    });
    expect(blocked).toBe(0);
  });
});

describe('a bought list is found', { timeout: TIMEOUT }, () => {
  test('20 % dead, 50 to 80 % of it at one provider that puts off everything', () => {
    const blocked = countBlocked((random) => {
      const hidden = between(random, 0.5, 0.8);
      return (next) => {
        const isHidden = next() < hidden;
        const host = isHidden ? 'mx.big0.example' : small(next);
        return { host, isDead: next() < 0.2, isPutOff: isHidden };
      };
    });
    expect(blocked).toBe(LISTS);
  });

  test('20 % dead, which are refused at once, while 80 to 95 % of the others are put off', () => {
    const blocked = countBlocked((random) => {
      const putOff = between(random, 0.8, 0.95);
      return (next) => {
        const isDead = next() < 0.2;
        const host = next() < 0.7 ? big(next) : small(next);
        return { host, isDead, isPutOff: !isDead && next() < putOff };
      };
    });
    expect(blocked).toBe(LISTS);
  });
});
