/** Numbers that look random and are the same for the same seed. */

/** What a generator of logs asks for. */
export interface Random {
  /** 0 <= n < limit */
  below(limit: number): number;
  /** true in `percent` of 100 cases */
  chance(percent: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** `length` upper-case hexadecimal digits */
  hex(length: number): string;
}

/** Mulberry32: 32 bits of state, enough to mix a log. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    below: (limit) => Math.floor(next() * limit),
    chance: (percent) => next() * 100 < percent,
    pick: (list) => list[Math.floor(next() * list.length)] as (typeof list)[number],
    hex(length) {
      let digits = '';
      for (let left = length; left > 0; left--)
        digits += '0123456789ABCDEF'[Math.floor(next() * 16)];
      return digits;
    },
  };
}
