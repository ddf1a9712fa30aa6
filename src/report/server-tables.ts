/** The tables of `postern report --all-hosts`. */
import { formatTime, formatTimes } from '../base/time.ts';
import { PLAIN_STYLE, type Style } from '../model/style.ts';
import type { ServerBlock, ServerCounts, Servers } from './servers.ts';
import type { Table } from './table.ts';

/** None without `servers`. */
export function buildServerTables(servers: Servers | undefined, style = PLAIN_STYLE): Table[] {
  if (servers === undefined) return [];
  const { hosts, blocks } = servers;
  return [
    {
      name: 'servers',
      title: describeTitle(servers),
      head: ['Server', 'Heard of', 'Counted', 'Blocks', 'By rule'],
      rows: hosts.map((one) => [
        one.host === servers.own ? `${one.host} (this one)` : one.host,
        one.seen === undefined ? '' : style.minute(one.seen),
        one.counted === undefined ? 'not known' : sum(one.counted),
        one.blocks,
        describeCounts(one.counted ?? {}),
      ]),
      empty: 'None.',
    },
    {
      name: 'server-blocks',
      title: 'Blocks of all servers',
      head: ['Who', 'Cause', 'Server', 'Began', 'Ended', 'Counted', 'Here'],
      rows: blocks.map((block) => [
        style.target(block),
        block.who === undefined ? block.cause : `${block.cause} by ${block.who}`,
        block.host,
        style.minute(block.start),
        describeEnd(block, style),
        describeCounts(block.hosts ?? {}),
        block.isHere ? 'yes' : 'NO',
      ]),
      empty: 'None.',
    },
  ];
}

function describeTitle({ failure }: Servers): string {
  return failure === undefined
    ? 'Servers that count together, by the engine'
    : `Servers, by this server alone: THE ENGINE IS AWAY: ${failure}`;
}

function sum(counted: NonNullable<ServerCounts['counted']>): number {
  return Object.values(counted).reduce((total, count) => total + count, 0);
}

/** Most first. */
function describeCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function describeEnd({ released, end, releasedHost }: ServerBlock, style: Style): string {
  if (released !== undefined) return `${style.minute(released)} on ${releasedHost}`;
  return end === undefined ? 'runs' : `until ${style.minute(end)}`;
}

/** For programs: times as RFC 3339. */
export function serversToJson(servers: Servers): Record<string, unknown> {
  return {
    ...servers,
    hosts: servers.hosts.map((one) =>
      one.seen === undefined ? one : { ...one, seen: formatTime(one.seen) },
    ),
    blocks: servers.blocks.map((block) => formatTimes(block, 'start', 'end', 'released')),
  };
}
