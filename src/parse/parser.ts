/** The contract of a log parser, and the lines that a parser of either mail server understands. */
import type { Mta } from '../model/event.ts';
import { decodeText, type LoggedLine } from '../model/line.ts';
import type { LogRecord, LossRecord } from '../model/record.ts';

/**
 * Turns one line into what it says; keeps no state but the length at which lines are cut, and its time is linear in the
 * length of the line.
 */
export interface LogParser {
  readonly mta: Mta;
  /** Undefined for a line that says nothing Postern uses. Never throws, whatever the line holds. */
  parse(line: LoggedLine): LogRecord | undefined;
  /** lines of some host were seen to be cut: `checkUser` is to be asked about records that others than `parse` made */
  readonly hasSeenCuts?: boolean;
  /** The record, without a user in a line that may have been cut. */
  checkUser?(line: LoggedLine, record: LogRecord): LogRecord;
}

/** A record while its line is being read. */
export type Mutable<R> = { -readonly [Key in keyof R]: R[Key] };

/**
 * Reads the lines by which a syslog daemon reports that it dropped others: rsyslogd's rate limits (imuxsock,
 * imjournal), and journald's for the units of mail servers. Undefined for every other line.
 */
export function parseLoss({ at, program, text }: LoggedLine): LossRecord | undefined {
  const lost =
    program === 'rsyslogd' ? isRsyslogLoss(text) : isJournaldLoss(program, text, at.source);
  return lost ? { kind: 'loss', reply: decodeText(text) } : undefined;
}

/** Whether this program writes lines about other lines. */
export function isSyslogDaemon(program: string): boolean {
  return program === 'rsyslogd' || isJournald(program);
}

function isRsyslogLoss(text: string): boolean {
  if (!text.includes('rate-limiting')) return false;
  return text.includes('begin to drop messages') || text.includes('messages lost');
}

/** A journal that is followed gives such lines only about units and containers that are followed. */
function isJournaldLoss(program: string, text: string, source: string): boolean {
  if (!isJournald(program)) return false;
  if (!text.startsWith('Suppressed ')) return false;
  if (source === 'journal' || source.startsWith('journal:')) return true;
  return text.includes('postfix') || text.includes('exim');
}

function isJournald(program: string): boolean {
  return program === 'systemd-journald' || program === 'systemd-journal';
}
