/** From the configuration to what reading its logs needs to know. */
import { dropUndefined } from '../base/defined.ts';
import type { Config } from '../config/load.ts';
import { networkSet } from '../model/address.ts';
import type { InterpreterOptions } from './interpreter.ts';

/** How the configured logs are interpreted. */
export function buildInterpreterOptions(config: Config): InterpreterOptions {
  const { mta, zone, host, trustedNetworks, notify, report } = config;
  return dropUndefined({
    mta,
    zone,
    host,
    trusted: trustedNetworks === undefined ? undefined : networkSet(trustedNetworks),
    // Mail from this sender to anyone else is not one of our notices.
    notices:
      notify === undefined
        ? undefined
        : { sender: notify.from, recipients: [...notify.to, ...(report.to ?? [])] },
  });
}
