/** What a check costs, from easy to hard: the order in which they should be made. */
export const COST = { local: 0, table: 1, dns: 2, blocklist: 3, callout: 4 } as const;
