/** The state of the service as a plugin of Nagios and Icinga prints it: one line, figures behind `|`, exit status 0 to 3. */
import { EXIT, type ExitStatus } from '../base/errors.ts';
import { counted } from '../base/text.ts';
import type { Config } from '../config/load.ts';
import type { MilterStatus } from '../daemon/milter/status.ts';
import type { ServiceStatus } from '../daemon/status.ts';

/** Monitoring Plugins Development Guidelines: OK, WARNING, CRITICAL, UNKNOWN. */
const STATES = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;
type State = (typeof STATES)[number];

/** Characters of the text: long lines are cut by NRPE. */
const LONGEST_TEXT = 500;

export interface Checked {
  readonly line: string;
  readonly status: ExitStatus;
}

/** CRITICAL: nobody is blocked now, because the service is down or reads no log. WARNING: any other problem. */
export function nagiosStatus(status: ServiceStatus, { instance }: Config): Checked {
  const { running, logs, problems } = status;
  const isBlind = logs.some(({ present, failure }) => !present || failure !== undefined);
  const isDown = !running || isBlind || status.milter?.running === false;
  const state = isDown ? 'CRITICAL' : problems.length > 0 ? 'WARNING' : 'OK';
  const fine = `running, ${counted(status.blocks, 'block')}`;
  return checked(state, problems, fine, listFigures(status), instance);
}

/** The same for a milter alone. */
export function nagiosMilter(milter: MilterStatus): Checked {
  const { running, problems, counters } = milter;
  const state = !running ? 'CRITICAL' : problems.length > 0 ? 'WARNING' : 'OK';
  const figures: Figure[] =
    counters === undefined
      ? []
      : [
          ['sessions_open', counters.open],
          ['sessions', counters.sessions, 'c'],
          ['messages', counters.messages, 'c'],
          ['rejected', counters.rejected, 'c'],
          ['failures', counters.failures, 'c'],
        ];
  return checked(state, problems, 'milter running', figures);
}

/** Why nothing can be said: a configuration or a database that cannot be used. */
export function nagiosUnknown(reason: string): Checked {
  return checked('UNKNOWN', [reason], '', []);
}

/** Label, value, and unit: `B` bytes, `c` a counter. */
type Figure = readonly [label: string, value: number, unit?: 'B' | 'c'];

function listFigures(status: ServiceStatus): Figure[] {
  const behind = status.logs.map((log) => log.behind ?? 0);
  return [
    ['blocks', status.blocks],
    ['problems', status.problems.length],
    ['behind', behind.reduce((sum, bytes) => sum + bytes, 0), 'B'],
    ['open_messages', status.openMessages],
    ['notices_waiting', status.noticesWaiting],
    ['database', status.database.bytes, 'B'],
  ];
}

function checked(
  state: State,
  problems: readonly string[],
  fine: string,
  figures: readonly Figure[],
  instance?: string,
): Checked {
  const name = instance === undefined ? 'POSTERN' : `POSTERN ${instance}`;
  // A bar would begin the figures.
  const text = (problems.length === 0 ? fine : problems.join('; '))
    .replaceAll(/[|\p{Cc}]/gu, ' ')
    .slice(0, LONGEST_TEXT);
  const values = figures.map(([label, value, unit = '']) => `${label}=${value}${unit};;;0`);
  const line = `${name} ${state} - ${text}${values.length === 0 ? '' : ` | ${values.join(' ')}`}\n`;
  return { line, status: PLUGIN_STATUS[state] };
}

const PLUGIN_STATUS: Readonly<Record<State, ExitStatus>> = {
  OK: EXIT.done,
  WARNING: EXIT.failed,
  CRITICAL: EXIT.usage,
  UNKNOWN: EXIT.unknown,
};
