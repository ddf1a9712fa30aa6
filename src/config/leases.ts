/** The sources that say who had an address, as the configuration names them. */
import { LeaseSources } from '../leases/sources.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import type { Config } from './config.ts';

/** Reads no file yet. */
export function buildLeaseSources({
  leases,
  logins,
}: Pick<Config, 'leases' | 'logins'>): LeaseSources {
  return new LeaseSources(leases, buildCanonicalLogin(logins));
}
