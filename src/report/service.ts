/** The health of the service, its logs and its milter, as a report shows them at the moment when it is made. */
import type { Table } from './table.ts';

export interface ServiceHealth {
  readonly running: boolean;
  /** RFC 3339; these two only while it is running */
  readonly since?: string;
  readonly version?: string;
  readonly mode: string;
  readonly logs: readonly { readonly path: string; readonly state: string }[];
  readonly noticesWaiting: number;
  /** bytes */
  readonly databaseSize: number;
  readonly problems: readonly string[];
  /** since its start; absent: the configuration has no milter */
  readonly milter?: MilterHealth;
}

export interface MilterHealth {
  readonly running: boolean;
  readonly since?: string;
  readonly figures: readonly { readonly name: string; readonly value: number }[];
}

export function buildServiceTables(service: ServiceHealth | undefined): Table[] {
  if (service === undefined) return [];
  const { running, since, version, mode, logs, noticesWaiting, databaseSize, problems } = service;
  const state = running ? `running since ${since}, version ${version}` : 'NOT running';
  const rows: [string, string][] = [
    ['Service', `${state}, mode ${mode}`],
    ...logs.map(({ path, state }): [string, string] => [path, state]),
    ['Notices waiting', String(noticesWaiting)],
    ['Database', `${(databaseSize / 1e6).toFixed(1)} MB`],
    ...problems.map((problem): [string, string] => ['Problem', problem]),
  ];
  const table = {
    name: 'service',
    title: 'Service, when this was written',
    head: ['What', 'State'],
    isWhole: true,
  };
  return [{ ...table, rows, empty: '' }, ...buildMilter(service.milter)];
}

function buildMilter(milter: MilterHealth | undefined): Table[] {
  if (milter === undefined) return [];
  const since = milter.running ? ` since its start, ${milter.since}` : ': NOT running';
  return [
    {
      name: 'milter',
      title: `Milter${since}`,
      head: ['Figure', 'Number'],
      rows: milter.figures.map(({ name, value }) => [name, value]),
      empty: 'No figures.',
    },
  ];
}
