/**
 * CrowdSec where it is installed with a copy of its hub: the collections crowdsecurity/postfix and crowdsecurity/exim
 * read one log of all stories of a mail server, in a configuration of their own that talks to nobody else.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Block } from './score.ts';
import type { Mta } from './story.ts';

/** Where Debian's package keeps its copy of the hub. */
const HUB = '/usr/share/crowdsec/hub';
const PARTS = [
  'parsers/s00-raw/crowdsecurity/syslog-logs.yaml',
  'parsers/s01-parse/crowdsecurity/postfix-logs.yaml',
  'parsers/s01-parse/crowdsecurity/postscreen-logs.yaml',
  'parsers/s01-parse/crowdsecurity/exim-logs.yaml',
  'parsers/s02-enrich/crowdsecurity/dateparse-enrich.yaml',
  'parsers/s02-enrich/crowdsecurity/whitelists.yaml',
  'scenarios/crowdsecurity/postfix-spam.yaml',
  'scenarios/crowdsecurity/exim-bf.yaml',
  'scenarios/crowdsecurity/exim-spam.yaml',
];
/** An unusual port of the loopback interface, for the time of a run. */
const LISTEN = '127.0.0.1:18321';

/** `CrowdSec 1.4.6`; undefined where it, or its copy of the hub, is not installed. */
export function crowdsecVersion(): string | undefined {
  if (!PARTS.every((part) => existsSync(join(HUB, part)))) return undefined;
  const { error, stderr, stdout } = spawnSync('crowdsec', ['-version'], { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  const version = /version: v?([\d.]+)/.exec(`${stdout}${stderr}`)?.[1] ?? '';
  return `CrowdSec ${version}`.trim();
}

/** Whom the scenarios decide to ban in this log. */
export function playCrowdsec(folder: string, log: string, mta: Mta): Block[] {
  const config = configure(join(folder, `crowdsec-${mta}`));
  const type = mta === 'postfix' ? 'syslog' : 'exim';
  const args = ['-c', config, '-dsn', `file://${log}`, '-type', type, '-info'];
  const { stdout, stderr } = spawnSync('crowdsec', args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const alerts = `${stdout}${stderr}`.matchAll(
    /Ip (?<address>\S+) performed '[^']+' .*? at (?<date>\S+) (?<time>\S+) \+0000 UTC/g,
  );
  return [...alerts].map(({ groups }) => ({
    key: `client:${groups?.address}`,
    time: Date.parse(`${groups?.date}T${groups?.time}Z`),
  }));
}

/** A configuration with only what these collections need; gives its path. */
function configure(home: string): string {
  for (const part of PARTS) link(home, part);
  mkdirSync(join(home, 'data'), { recursive: true });
  symlinkSync('/etc/crowdsec/patterns', join(home, 'patterns'));
  writeFileSync(join(home, 'simulation.yaml'), 'simulation: false\n');
  writeFileSync(join(home, 'acquis.yaml'), 'filenames: []\n');
  const machine = join(home, 'machine.yaml');
  writeFileSync(machine, '');
  const config = join(home, 'config.yaml');
  writeFileSync(config, JSON.stringify(settings(home, machine)));
  const args = ['-c', config, 'machines', 'add', 'bench', '--auto', '--force'];
  spawnSync('cscli', [...args, '--file', machine, '--url', `http://${LISTEN}`]);
  return config;
}

/** CrowdSec wants no folder for the author below that of a stage. */
function link(home: string, part: string): void {
  const folder = join(home, part, '../..');
  mkdirSync(folder, { recursive: true });
  symlinkSync(join(HUB, part), join(folder, part.slice(part.lastIndexOf('/') + 1)));
}

function settings(home: string, machine: string): Record<string, unknown> {
  return {
    common: { daemonize: false, log_media: 'stdout', log_level: 'info', log_dir: home },
    config_paths: {
      config_dir: home,
      data_dir: join(home, 'data'),
      simulation_path: join(home, 'simulation.yaml'),
      hub_dir: HUB,
      index_path: join(HUB, '.index.json'),
    },
    crowdsec_service: { acquisition_path: join(home, 'acquis.yaml'), parser_routines: 1 },
    db_config: { type: 'sqlite', db_path: join(home, 'data/crowdsec.db'), use_wal: true },
    api: {
      client: { credentials_path: machine },
      server: { listen_uri: LISTEN, profiles_path: '/etc/crowdsec/profiles.yaml' },
    },
    prometheus: { enabled: false },
  };
}
