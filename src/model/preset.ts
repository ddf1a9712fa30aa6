/** The sets of limits that are shipped, each a folder in rules/presets. */
export const PRESETS = ['small-office', 'hosting', 'provider'] as const;

export type Preset = (typeof PRESETS)[number];
