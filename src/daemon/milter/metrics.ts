/** What the milter measures, for Prometheus. docs/monitoring.md lists it. */
import { type Family, processFamilies } from '../../metrics/family.ts';
import type { MilterCounters } from '../../milter/counters.ts';

/** Each counter with its name and meaning. */
const COUNTERS: readonly [keyof MilterCounters, string, string][] = [
  ['sessions', 'postern_milter_sessions_total', 'SMTP sessions.'],
  ['messages', 'postern_milter_messages_total', 'MAIL commands.'],
  ['recipients', 'postern_milter_recipients_total', 'RCPT commands.'],
  ['rejected', 'postern_milter_rejected_commands_total', 'Commands that were refused for good.'],
  ['deferred', 'postern_milter_deferred_commands_total', 'Commands that were refused for now.'],
  ['changed', 'postern_milter_changed_messages_total', 'Messages whose envelope was changed.'],
  ['failures', 'postern_milter_failures_total', 'Failures of a job; each refuses for now.'],
  ['broken', 'postern_milter_broken_connections_total', 'Connections that broke the protocol.'],
  [
    'refusedConnections',
    'postern_milter_refused_connections_total',
    'Connections that were one too many.',
  ],
];

interface MeasuredMilter {
  /** ms */
  readonly started: number;
  counters(): MilterCounters;
  /** figures of the jobs, by name of the job */
  figures(): Readonly<Record<string, Readonly<Record<string, number>>>>;
  problems(): number;
}

export function listMilterFamilies(milter: MeasuredMilter): Family[] {
  const { started, counters, figures, problems } = milter;
  return [
    ...processFamilies(started),
    ...COUNTERS.map(
      ([key, name, help]): Family => ({
        name,
        help,
        type: 'counter',
        read: () => [{ value: counters()[key] }],
      }),
    ),
    {
      name: 'postern_milter_open_sessions',
      help: 'SMTP sessions that are open now.',
      type: 'gauge',
      read: () => [{ value: counters().open }],
    },
    {
      name: 'postern_milter_job_figures',
      help: 'What the jobs say of themselves in postern status.',
      type: 'gauge',
      labels: ['job', 'figure'],
      read: () =>
        Object.entries(figures()).flatMap(([job, values]) =>
          Object.entries(values).map(([figure, value]) => ({ labels: { job, figure }, value })),
        ),
    },
    {
      name: 'postern_milter_problems',
      help: 'Problems of the milter that postern status lists.',
      type: 'gauge',
      read: () => [{ value: problems() }],
    },
  ];
}
