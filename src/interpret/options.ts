/** From the configuration to the options of the interpreter. */
import { dropUndefined } from '../base/defined.ts';
import type { Config } from '../config/load.ts';
import { networkSet } from '../model/address.ts';
import type { InterpreterOptions } from './interpreter.ts';

export function buildInterpreterOptions(config: Config): InterpreterOptions {
  const { mta, zone, host, trustedNetworks, notify, report } = config;
  return dropUndefined({
    mta,
    zone,
    host,
    trusted: trustedNetworks === undefined ? undefined : networkSet(trustedNetworks),
    // Mail from this sender to anybody else is not one of our notices.
    notices:
      notify === undefined
        ? undefined
        : { sender: notify.from, recipients: [...notify.to, ...(report.to ?? [])] },
  });
}
