/** What the milter has done since its start, for `postern status` and the log. */

export interface MilterCounters {
  /** sessions that were begun, and those open now */
  sessions: number;
  open: number;
  /** MAIL commands */
  messages: number;
  /** RCPT commands */
  recipients: number;
  /** refused for good, refused for now: any command */
  rejected: number;
  deferred: number;
  /** messages whose envelope was changed */
  changed: number;
  /** failures of a handler, each a temporary refusal */
  failures: number;
  /** connections that broke the protocol, and those that were one too many */
  broken: number;
  refusedConnections: number;
}

export function createCounters(): MilterCounters {
  return {
    sessions: 0,
    open: 0,
    messages: 0,
    recipients: 0,
    rejected: 0,
    deferred: 0,
    changed: 0,
    failures: 0,
    broken: 0,
    refusedConnections: 0,
  };
}
