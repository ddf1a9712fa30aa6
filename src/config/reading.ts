/**
 * From the configuration to what reading and judging logs needs: how lines are interpreted, and who is let be. Apart
 * from `assemble.ts`, because commands over given files need nothing else.
 */
import { networkInterfaces } from 'node:os';
import { type AllowList, type AllowOptions, allowList } from '../enforce/decide.ts';
import type { InterpreterOptions } from '../interpret/interpreter.ts';
import { networkSet } from '../model/address.ts';
import type { Key } from '../model/block.ts';
import type { Mta } from '../model/event.ts';
import type { Config } from './load.ts';

/** What reading the configured logs needs to know. */
export function interpreterOptionsOf(config: Config): InterpreterOptions {
  return {
    mta: config.mta,
    zone: config.zone,
    host: config.host,
    ...(config.trustedNetworks === undefined
      ? {}
      : { trusted: networkSet(config.trustedNetworks) }),
    ...(config.notify === undefined ? {} : { notices: noticesOf(config.notify, config.report) }),
  };
}

/** What is sent from there to anybody else is not ours. */
function noticesOf(
  { from, to }: NonNullable<Config['notify']>,
  report: Config['report'],
): NonNullable<InterpreterOptions['notices']> {
  return { sender: from, recipients: [...to, ...(report.to ?? [])] };
}

interface AllowSource {
  readonly allow: AllowOptions;
  readonly mta?: Mta;
}

/** Who is never blocked: whom `allow` names, and this machine. */
export function allowListOf({ allow, mta }: AllowSource): AllowList {
  return allowList({ ...allow, ownAddresses: ownAddresses(), oneNamespace: mta === 'exim' });
}

/** The allow list as a judge asks it that only answers who would have been blocked (replay). */
export function isAllowed(allow: AllowList): (key: Key) => boolean {
  return (key) => allow.reason(key) !== undefined;
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map(({ address }) => address),
  );
}
