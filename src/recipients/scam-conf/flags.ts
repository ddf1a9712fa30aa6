/**
 * The command line of scam-back, getopt(3): `-p unix:/path -u user -g group -T timeout -f file -P pidfile -b file -D -h`.
 * `--scam-conf FILE` is `-f`, `--listen ADDRESS` is `-p`, and `--database FILE` is ours.
 */
import { FEATURES, type FeatureName, NO_BITBUCKET } from './features.ts';

export interface ScamFlags {
  /** `-p`, as libmilter writes sockets: `unix:PATH`, `inet:PORT@HOST` */
  readonly listen: string;
  readonly user?: string;
  readonly group?: string;
  /** `-T`, s: how long libmilter waited for the MTA; without effect, because idle sessions are never ended */
  readonly timeout?: number;
  readonly config: string;
  readonly pidFile: string;
  /** `-b`, wins over BackList of the file */
  readonly backList?: string;
  /** where answers are kept; default: beside the pid file */
  readonly database?: string;
  /** `-D` */
  readonly daemon: boolean;
  /** `-h` */
  readonly help: boolean;
  /** `--usemailertable` and its like: what was compiled in */
  readonly features: readonly FeatureName[];
}

export const DEFAULT_SCAM_CONF = '/etc/mail/scam.conf';
export const DEFAULT_PID_FILE = '/var/spool/scam/scam-back.pid';
export const DEFAULT_SCAM_SOCKET = 'unix:/var/spool/scam/scam-back.sock';

const WITH_VALUE = {
  p: 'listen',
  u: 'user',
  g: 'group',
  T: 'timeout',
  f: 'config',
  P: 'pidFile',
  b: 'backList',
} as const;

const LONG_WITH_VALUE: Readonly<Record<string, string>> = {
  '--scam-conf': 'config',
  '--listen': 'listen',
  '--database': 'database',
};

/** Reads the arguments behind the name of the program; a text says what is wrong with them. */
export function parseScamFlags(argv: readonly string[]): ScamFlags | string {
  const found: Record<string, string> = {};
  const switches = new Set<string>();
  const features = new Set<FeatureName>();
  const left = [...argv];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (word === '--' && left.length === 0) break;
    const feature = FEATURES.find(({ name }) => word === `--${name.toLowerCase()}`);
    if (feature !== undefined) {
      features.add(feature.name);
      continue;
    }
    if (word === '--bitbucket') return NO_BITBUCKET;
    const [long = '', ...behind] = word.split('=');
    const key = Object.hasOwn(LONG_WITH_VALUE, long) ? LONG_WITH_VALUE[long] : undefined;
    if (key !== undefined) {
      const value = behind.length > 0 ? behind.join('=') : left.shift();
      if (value === undefined || value === '') return `${long} needs a value`;
      found[key] = value;
      continue;
    }
    if (!/^-[A-Za-z]/.test(word)) return `unexpected argument: ${word}`;
    for (let at = 1; at < word.length; at++) {
      const letter = word[at] as string;
      if (letter === 'D' || letter === 'h') {
        switches.add(letter);
        continue;
      }
      if (!Object.hasOwn(WITH_VALUE, letter)) return `unknown flag: -${letter}`;
      // getopt(3): the value is the rest of the word, or the next word.
      const value = word.slice(at + 1) || left.shift();
      if (value === undefined || value === '') return `-${letter} needs a value`;
      found[WITH_VALUE[letter as keyof typeof WITH_VALUE]] = value;
      break;
    }
  }
  return finish(found, switches, [...features]);
}

function finish(
  found: Record<string, string>,
  switches: ReadonlySet<string>,
  features: readonly FeatureName[],
): ScamFlags | string {
  const { timeout, ...texts } = found;
  if (timeout !== undefined && !/^[1-9]\d{0,7}$/.test(timeout))
    return `-T ${timeout}: expected a whole number of seconds`;
  return {
    listen: DEFAULT_SCAM_SOCKET,
    config: DEFAULT_SCAM_CONF,
    pidFile: DEFAULT_PID_FILE,
    ...texts,
    ...(timeout === undefined ? {} : { timeout: Number(timeout) }),
    daemon: switches.has('D'),
    help: switches.has('h'),
    features,
  };
}

/** What `-h` prints, after the version: what is built in. */
export function describeScamFlags(): string {
  const features = FEATURES.map(({ name, meaning, isSwitch }) => {
    const state = isSwitch
      ? `option --${name.toLowerCase()}, or ${name}:Yes in the file`
      : 'built in';
    return `           ${name.padEnd(15)} ${meaning} (${state})\n`;
  });
  return `  Features:
${features.join('')}           BITBUCKET       not supported
  usage: -p protocol:address [-u user] [-g group] [-T timeout]
         [-f config] [-P pidfile] [-b path] [-D] [-h]
          -p listen here: unix:PATH or inet:PORT@ADDRESS
             (default ${DEFAULT_SCAM_SOCKET})
          -u run as this user
          -g run with this group, which may connect to the socket
          -T accepted, without effect: idle sessions are never ended
          -f use this configuration file (default ${DEFAULT_SCAM_CONF})
          -P use this pid file (default ${DEFAULT_PID_FILE})
          -b read and save recipient addresses in this file
          -D run as a daemon; returns once the socket answers
          -h print this text
  --scam-conf FILE is -f, --listen ADDRESS is -p;
  --database FILE keeps the answers (default: beside the pid file)
`;
}
