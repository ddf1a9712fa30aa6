/** The outcome of the contest as Markdown and as JSON. */
import type { Player } from './contest.ts';
import type { Score } from './score.ts';
import type { Story } from './story.ts';

/** What each one cannot see, whatever its numbers are. */
const BLIND: Readonly<Record<string, string>> = {
  Postern:
    'mail to addresses that exist; refusals that another server logs; guessed passwords, which it only observes',
  LIM: 'the size of a list, null senders, what a refusal means; local accounts, slow sending, a sender behind a gateway',
  fail2ban:
    'what remote servers answer; who logged in, so a thief with many machines or behind a gateway',
  CrowdSec:
    'what remote servers answer; who logged in, so a thief with many machines; private networks',
};

/** One row for each player. */
export function summaryTable(stories: readonly Story[], players: readonly Player[]): string {
  const rows = players.map(({ name, scores }) => {
    if (scores === undefined) return `| ${name} | | | | | |`;
    const caught = scores.flatMap((one) => one.caught);
    const found = caught.filter((one) => one.found);
    const hit = scores.filter(({ innocents }) => innocents.length > 0);
    const people = sum(scores, ({ innocents }) => innocents.length);
    const hostile = sum(scores, (one) => one.hostile.length);
    return `| ${name} | ${found.length} of ${caught.length} | ${median(found.map((one) => one.recipients))} | ${people} in ${hit.length} of ${stories.length} stories | ${hostile} | ${blindness(name)} |`;
  });
  return [
    '| | guilty found | after how many recipients (median) | innocents blocked | guessers and harvesters blocked | blind to |',
    '|---|---:|---:|---:|---:|---|',
    ...rows,
  ].join('\n');
}

/** One row for each story. */
export function storyTable(stories: readonly Story[], players: readonly Player[]): string {
  const present = players.filter(({ scores }) => scores !== undefined);
  const rows = stories.map((story, index) => {
    const cells = present.map(({ scores }) => cell(scores?.[index] as Score));
    return `| ${story.title} | ${describe(story, stories)} | ${cells.join(' | ')} |`;
  });
  return [
    `| story | | ${present.map(({ name }) => name).join(' | ')} |`,
    `|---|---|${present.map(() => '---:').join('|')}|`,
    ...rows,
  ].join('\n');
}

function describe(story: Story, stories: readonly Story[]): string {
  const isTwice = story.mta === 'exim' && stories.some(({ title }) => title === story.name);
  return isTwice ? 'the same, as Exim logs it' : story.says;
}

/** Everything, for programs. */
export function contestJson(stories: readonly Story[], players: readonly Player[]): unknown {
  return {
    players: players.map(({ name, scores }) => ({ name, installed: scores !== undefined })),
    stories: stories.map(({ title, pair, mta, says, guilty, missed }, index) => ({
      story: title,
      pair,
      mta,
      says,
      guilty,
      ...(missed === undefined ? {} : { missed }),
      scores: Object.fromEntries(
        players.flatMap(({ name, scores }) =>
          scores === undefined ? [] : [[name, scores[index]]],
        ),
      ),
    })),
  };
}

/** `312` recipients before the block, `missed`, `2 blocked` innocents, or nothing to say. */
function cell({ caught, innocents }: Score): string {
  const catches = caught.map(({ found, recipients }) => (found ? String(recipients) : 'missed'));
  const wrong = innocents.length > 0 ? [`**${innocents.length} blocked**`] : [];
  return [...catches, ...wrong].join(', ') || 'ok';
}

function blindness(name: string): string {
  const key = Object.keys(BLIND).find((word) => name.startsWith(word));
  return key === undefined ? '' : (BLIND[key] ?? '');
}

function sum<T>(list: readonly T[], value: (one: T) => number): number {
  return list.reduce((total, one) => total + value(one), 0);
}

function median(numbers: readonly number[]): string {
  if (numbers.length === 0) return '';
  const sorted = [...numbers].sort((a, b) => a - b);
  return String(sorted[Math.floor(sorted.length / 2)]);
}
