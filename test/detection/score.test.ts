/** The measure itself: what counts as found, when, and who is innocent; and the plain recipe that Postern is compared with. */
import { describe, expect, test } from 'vitest';
import { firstDay } from '../../bench/detection/acts.ts';
import { people } from '../../bench/detection/audience.ts';
import { login, relay, sends } from '../../bench/detection/cast.ts';
import { playRecipe } from '../../bench/detection/recipe.ts';
import { type Log, render } from '../../bench/detection/render.ts';
import { score } from '../../bench/detection/score.ts';
import { HOUR, type Mta, type Story } from '../../bench/detection/story.ts';

const THIEF = 'user:thief@example.net';
const BEGIN = firstDay(0) + 9 * HOUR;

/** Two hundred mails of a thief within an hour, half of them to nobody, beside a relay host with honest mail. */
function story(mta: Mta): Story {
  const by = login('thief@example.net', '203.0.113.7');
  return {
    name: 'thief',
    title: 'thief',
    pair: 'thief',
    says: '',
    mta,
    guilty: [THIEF],
    flows: [
      sends({ by, at: '09:00', over: HOUR, mails: 200, to: people({ gone: 60 }) }),
      sends({ by: relay('10.1.2.3'), at: '09:00', over: HOUR, mails: 50, to: people() }),
    ],
  };
}

function log(mta: Mta = 'postfix'): Log {
  return render(story(mta), firstDay(0));
}

describe('score', () => {
  test('counts the recipients of the mail that was handed in before the block', () => {
    const { caught } = score(log(), [{ key: THIEF, time: BEGIN + HOUR / 2 }]);
    expect(caught).toEqual([{ key: THIEF, found: true, recipients: 100 }]);
  });

  test('counts all recipients when nobody is blocked', () => {
    expect(score(log(), []).caught).toEqual([{ key: THIEF, found: false, recipients: 200 }]);
  });

  test('takes a block of the address for one of the login', () => {
    const { caught, innocents } = score(log(), [{ key: 'client:203.0.113.7', time: BEGIN }]);
    expect(caught).toMatchObject([{ found: true, recipients: 0 }]);
    expect(innocents).toEqual([]);
  });

  test('names innocents that are blocked, whenever that is', () => {
    const blocks = [{ key: 'client:10.1.2.3', time: BEGIN + 9 * HOUR }];
    expect(score(log(), blocks)).toMatchObject({ innocents: ['10.1.2.3'], hostile: [] });
  });
});

describe('the plain recipe', () => {
  test.each<Mta>(['postfix', 'exim'])('blocks at the hundredth refusal in a log of %s', (mta) => {
    const played = log(mta);
    const blocks = playRecipe(played);
    expect(blocks.map(({ key }) => key)).toEqual([THIEF]);
    // 60 % of the recipients do not exist: the hundredth is among the first 170.
    const [caught] = score(played, blocks).caught;
    expect(caught?.recipients).toBeGreaterThan(160);
    expect(caught?.recipients).toBeLessThan(172);
  });
});
