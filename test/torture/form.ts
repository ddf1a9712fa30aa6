/** The short form of `npm test` and the long one of `npm run torture`; random numbers that a printed seed repeats. */

/** POSTERN_TORTURE=long runs more and waits longer. */
export const isLong = process.env.POSTERN_TORTURE === 'long';

/** The seed of this run; POSTERN_TORTURE_SEED repeats one. */
export const seed = Number(process.env.POSTERN_TORTURE_SEED ?? Math.floor(Math.random() * 2 ** 31));

export type Random = (below: number) => number;

/** mulberry32: the same numbers for the same seed. */
export function generator(start: number): Random {
  let state = start;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
