/** What tests need from any mail server: its log, its queue, and a way to end it. */
import { type Folder, logged, until } from './folder.ts';

/** A running server; `Mail` is a message in its queue. */
export interface MailServer<Mail> {
  readonly folder: Folder;
  /** set when ::1 listens too */
  readonly ipv6: boolean;
  readonly logFile: string;
  log(): string;
  /** Waits until a line of the log matches and returns it. */
  logged(pattern: RegExp): Promise<string>;
  queue(): Promise<Mail[]>;
  /** Waits for a queued message that satisfies `test`. */
  queued(test: (mail: Mail) => boolean): Promise<Mail>;
  stop(): Promise<void>;
}

type Watched<Mail> = Omit<MailServer<Mail>, 'folder' | 'ipv6' | 'stop'>;

/** Log (its name in the folder) and queue, and how to wait for something in them. */
export function watched<Mail>(
  folder: Folder,
  name: string,
  queue: () => Promise<Mail[]>,
): Watched<Mail> {
  const log = () => folder.read(name);
  return {
    logFile: folder.at(name),
    log,
    logged: (pattern) => logged(log, pattern),
    queue,
    queued: (test) =>
      until('a queued message', async () => (await queue()).find(test), { evidence: log }),
  };
}
