/** Delivery in rounds: all recipients at first, then at each retry those that were put off. */
import type { Addressee, Answer } from './story.ts';
import { MINUTE } from './story.ts';

export interface Attempt {
  readonly at: number;
  readonly to: Addressee;
  readonly answer: Answer;
}

export interface Round {
  readonly at: number;
  /** of its last attempt */
  readonly end: number;
  readonly attempts: readonly Attempt[];
  /** somebody is still put off */
  readonly isOpen: boolean;
}

/** Between two attempts for different recipients of one message, ms. */
const APART = 20;

/** The rounds for these recipients; the first begins at `first` (ms). There is at least one. */
export function roundsOf(to: readonly Addressee[], first: number): Round[] {
  const most = Math.max(...to.map(({ answers }) => answers.length));
  return Array.from({ length: most }, (_, number) => roundOf(to, number, first + backoff(number)));
}

/** Both servers wait longer before each retry: 6, 18, 42, 90 minutes, then an hour each time. */
function backoff(number: number): number {
  if (number <= 4) return 6 * MINUTE * (2 ** number - 1);
  return backoff(4) + (number - 4) * 60 * MINUTE;
}

function roundOf(to: readonly Addressee[], number: number, at: number): Round {
  const attempts: Attempt[] = [];
  for (const one of to) {
    const answer = one.answers[number];
    if (answer === undefined) continue;
    attempts.push({ at: at + APART * attempts.length, to: one, answer });
  }
  const isOpen = to.some(
    ({ answers }) => answers.slice(0, number + 1).at(-1)?.outcome === 'deferred',
  );
  return { at, end: attempts.at(-1)?.at ?? at, attempts, isOpen };
}
