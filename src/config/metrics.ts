/** The options of `metrics`, of the service and of the milter: where Prometheus may ask. */
import { section } from '../base/fields.ts';
import { type ListenAddress, parseListenAddress } from '../base/listen-address.ts';
import { shown, text } from './option.ts';

export const metrics = section({
  listen: text(
    'unix:PATH with an absolute path, or inet:127.0.0.1:PORT',
    (value) => parseListenAddress(value) !== undefined,
  ).describe(
    'Where it answers `GET /metrics`: `unix:PATH`, or a loopback port, `inet:127.0.0.1:9797`.',
  ),
  group: shown(
    text('a group', (value) => /^(?:\d{1,10}|[A-Za-z_][\w.-]*)$/.test(value))
      .optional()
      .describe('Group that may connect to the unix socket.'),
    'everybody who may enter its folder',
  ),
});

/** Where metrics are served. */
export interface MetricsConfig {
  readonly listen: ListenAddress;
  readonly group?: string;
}

export function resolveMetrics({ listen, group }: (typeof metrics)['_output']): MetricsConfig {
  const address = parseListenAddress(listen) as ListenAddress;
  return group === undefined ? { listen: address } : { listen: address, group };
}
