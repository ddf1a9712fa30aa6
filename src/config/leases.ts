/** The sources that say who had an address, as the configuration names them. */
import { systemClock } from '../base/time.ts';
import { LeaseSources } from '../leases/sources.ts';
import type { FindPerson } from '../model/identity.ts';
import { buildCanonicalLogin } from '../model/login.ts';
import type { Config } from './config.ts';

/** Reads no file yet. */
export function buildLeaseSources({
  leases,
  logins,
}: Pick<Config, 'leases' | 'logins'>): LeaseSources {
  return new LeaseSources(leases, buildCanonicalLogin(logins));
}

/** Looks up who had an address. Undefined if the configuration names no leases: then every address stands for itself. */
export function buildFindPerson(config: Pick<Config, 'leases' | 'logins'>): FindPerson | undefined {
  if (config.leases.length === 0) return undefined;
  const sources = buildLeaseSources(config);
  return (address, time) => sources.table(systemClock.now()).findPerson(address, time);
}
