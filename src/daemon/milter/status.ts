/** The state of the milter for `postern status`. Changes nothing. */
import { dropUndefined } from '../../base/defined.ts';
import { counted } from '../../base/text.ts';
import { formatTime } from '../../base/time.ts';
import type { Config } from '../../config/load.ts';
import type { MilterCounters } from '../../milter/counters.ts';
import { type MilterState, readMilterState } from './state.ts';

/** Times are RFC 3339. */
export interface MilterStatus {
  readonly running: boolean;
  /** the rest only while it is running */
  readonly pid?: number;
  readonly since?: string;
  readonly version?: string;
  readonly listen?: readonly string[];
  readonly jobs?: readonly string[];
  readonly counters?: MilterCounters;
  readonly figures?: MilterState['figures'];
  /** one line each */
  readonly problems: readonly string[];
}

/** Undefined if the configuration has no milter. */
export function readMilterStatus({ milter }: Config): MilterStatus | undefined {
  return milter === undefined ? undefined : describeMilter(milter.state);
}

/** The state that a milter writes into `file`; also of one that runs with a scam.conf, `findStateFile` names its file. */
export function describeMilter(file: string): MilterStatus {
  const state = readMilterState(file);
  if (state === undefined) return { running: false, problems: ['postern milter is not running'] };
  const { pid, started, version, places, jobs, counters, figures } = state;
  return dropUndefined({
    running: true,
    pid,
    since: formatTime(started),
    version,
    listen: places.filter(({ isListening }) => isListening).map(({ address }) => address),
    jobs,
    counters,
    figures,
    problems: listProblems(state),
  });
}

function listProblems({ places, counters, problems, isEnding }: MilterState): string[] {
  const { failures, refusedConnections } = counters;
  return [
    ...(isEnding ? ['the milter listens no more, it serves the sessions that are open'] : []),
    ...places.flatMap(({ failure }) => (failure === undefined ? [] : [`no milter at ${failure}`])),
    ...(failures === 0
      ? []
      : [`the milter failed ${counted(failures, 'time')} since its start, see its log`]),
    ...(refusedConnections === 0
      ? []
      : [`the milter refused ${counted(refusedConnections, 'connection')}: there were too many`]),
    ...problems,
  ];
}
