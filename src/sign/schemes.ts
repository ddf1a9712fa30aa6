/** The schemes of signed return paths by name. */
import { eximHashScheme } from './exim-hash.ts';
import { prvs } from './prvs.ts';
import type { Scheme, SchemeName } from './scheme.ts';

/** Every scheme. A new one is a file of its own and a line here. */
export const RETURN_PATH_SCHEMES: Readonly<Record<SchemeName, Scheme>> = {
  prvs,
  'exim-hash': eximHashScheme,
};
