#!/usr/bin/env node
// systemctl on a machine without systemd (machine.ts). Reads the unit files and their drop-ins, makes the folders that
// they want, and starts what they say as the account that they say, with its groups and capabilities. It starts again
// as Restart= and RestartPreventExitStatus= say, sooner. What systemd shuts off from the file system stays open.
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';

const STATE = '/run/units';
const FOLDER = '/etc/systemd/system';
/** Of the packages of the mail servers, in place of their init scripts. */
const FOREIGN = {
  postfix: { start: ['postfix', 'start'], stop: ['postfix', 'stop'] },
  exim4: { start: ['exim4', '-bd', '-q1s'], stop: ['pkill', '-x', 'exim4'] },
};

const [command, ...rest] = process.argv.slice(2);
const now = rest.includes('--now');
const units = rest.filter((word) => !word.startsWith('-'));
mkdirSync(STATE, { recursive: true });

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

function settingsOf(unit) {
  const file = `${FOLDER}/${unit}.service`;
  if (!existsSync(file)) fail(`Unit ${unit}.service could not be found.`);
  const dropIns = spawnSync('sh', [
    '-c',
    `cat ${file} ${FOLDER}/${unit}.service.d/*.conf 2>/dev/null`,
  ]);
  const settings = {};
  let section = '';
  for (const line of `${dropIns.stdout}`.split('\n')) {
    section = /^\[(\w+)\]/.exec(line)?.[1] ?? section;
    const [, key, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || section !== 'Service') continue;
    settings[key] = value === '' ? [] : [...(settings[key] ?? []), value];
  }
  return settings;
}

const last = (values) => (values ?? []).at(-1);

function id(option, name) {
  const { status, stdout } = spawnSync('id', [option, name], { encoding: 'utf8' });
  if (status !== 0) fail(`Failed to determine user credentials: no account ${name} (217/USER)`);
  return stdout.trim().split(' ');
}

function groupId(name) {
  const { status, stdout } = spawnSync('getent', ['group', name], { encoding: 'utf8' });
  if (status !== 0) fail(`Failed to determine supplementary groups: no group ${name} (216/GROUP)`);
  return stdout.split(':')[2];
}

/** The argument vector that runs a unit's command as its account. */
function commandOf(settings) {
  const user = last(settings.User);
  const [uid] = user === undefined ? ['0'] : id('-u', user);
  const group = last(settings.Group);
  const gid = group === undefined ? (user === undefined ? '0' : id('-g', user)[0]) : groupId(group);
  const named = (settings.SupplementaryGroups ?? []).flatMap((line) => line.split(' '));
  const own = user === undefined ? [] : id('-G', user);
  const groups = [...new Set([...own, ...named.map(groupId)])];
  makeFolders(settings, uid, gid);
  const capabilities = (settings.CapabilityBoundingSet ?? []).join(' ').split(' ').filter(Boolean);
  const kept = capabilities.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
  const bounded =
    settings.CapabilityBoundingSet === undefined
      ? []
      : [`--bounding-set=${['-all', ...kept].join()}`];
  const set = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join()}`;
  const environment = (settings.Environment ?? []).filter((text) => text.includes('='));
  return [
    'setpriv',
    '--reuid',
    uid,
    '--regid',
    gid,
    set,
    '--no-new-privs',
    ...bounded,
    '--',
    'env',
    '-i',
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin',
    'LANG=C',
    ...environment,
    'sh',
    '-c',
    `umask ${last(settings.UMask) ?? '0022'}; exec ${last(settings.ExecStart)}`,
  ];
}

function makeFolders(settings, uid, gid) {
  for (const [kind, parent] of [
    ['StateDirectory', '/var/lib'],
    ['RuntimeDirectory', '/run'],
  ]) {
    for (const name of settings[kind] ?? [])
      spawnSync('install', [
        '-d',
        '-o',
        uid,
        '-g',
        gid,
        '-m',
        last(settings[`${kind}Mode`]) ?? '0755',
        `${parent}/${name}`,
      ]);
  }
}

/** Runs in the background: the unit, again and again. */
function supervise(unit) {
  const settings = settingsOf(unit);
  const [program, ...args] = commandOf(settings);
  const log = `/var/log/units-${unit}.log`;
  let child;
  let stopping = false;
  process.on('SIGTERM', () => {
    stopping = true;
    child?.kill('SIGTERM');
  });
  const begin = () => {
    child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => appendFileSync(log, text));
    child.on('exit', (status) => {
      appendFileSync(log, `unit ${unit} ended with status ${status}\n`);
      const isFinal = (settings.RestartPreventExitStatus ?? []).includes(`${status}`);
      if (stopping || status === 0 || isFinal || last(settings.Restart) === undefined) {
        rmSync(`${STATE}/${unit}`, { force: true });
        for (const name of settings.RuntimeDirectory ?? [])
          rmSync(`/run/${name}`, { recursive: true, force: true });
        process.exit(0);
      }
      setTimeout(begin, 500);
    });
  };
  begin();
}

function start(unit) {
  if (unit.endsWith('.timer')) {
    if (!existsSync(`${FOLDER}/${unit}`)) fail(`Unit ${unit} could not be found.`);
    return;
  }
  const foreign = FOREIGN[unit];
  if (foreign !== undefined) {
    const { status, stderr } = spawnSync(foreign.start[0], foreign.start.slice(1), {
      encoding: 'utf8',
    });
    if (status !== 0) fail(`Job for ${unit} failed: ${stderr}`);
    return;
  }
  const settings = settingsOf(unit);
  if (last(settings.Type) === 'oneshot') {
    const [program, ...args] = commandOf(settings);
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    if (status !== 0) fail(`Job for ${unit} failed: ${stdout}${stderr}`);
    return;
  }
  commandOf(settings);
  if (isActive(unit)) return;
  const child = spawn(process.execPath, [process.argv[1], '--supervise', unit], {
    detached: true,
    stdio: 'ignore',
  });
  writeFileSync(`${STATE}/${unit}`, `${child.pid}`);
  child.unref();
}

function isActive(unit) {
  try {
    process.kill(Number(readFileSync(`${STATE}/${unit}`, 'utf8')), 0);
    return true;
  } catch {
    return false;
  }
}

function stop(unit) {
  const foreign = FOREIGN[unit];
  if (foreign !== undefined) {
    spawnSync(foreign.stop[0], foreign.stop.slice(1));
    // Exim waits half a minute before it tries again to listen. Nobody reaps its zombies here.
    const isThere = () => spawnSync('pgrep', ['-x', '-r', 'R,S,D', unit]).status === 0;
    for (let tries = 0; isThere() && tries < 200; tries++) spawnSync('sleep', ['0.05']);
    return;
  }
  if (!isActive(unit)) return;
  process.kill(Number(readFileSync(`${STATE}/${unit}`, 'utf8')), 'SIGTERM');
  for (let tries = 0; isActive(unit) && tries < 200; tries++) spawnSync('sleep', ['0.05']);
  if (isActive(unit)) fail(`${unit} does not stop`);
}

/** The drop-in comes from standard input, in place of an editor. */
function edit(unit) {
  const text = readFileSync(0, 'utf8');
  mkdirSync(`${FOLDER}/${unit}.service.d`, { recursive: true });
  writeFileSync(`${FOLDER}/${unit}.service.d/override.conf`, text);
}

function restart(unit) {
  stop(unit);
  start(unit);
}

function each(names, act) {
  for (const name of names) act(name);
}

const COMMANDS = {
  '--supervise': () => supervise(units[0]),
  'daemon-reload': () => {},
  enable: () => each(now ? units : [], start),
  disable: () => each(now ? units : [], stop),
  start: () => each(units, start),
  stop: () => each(units, stop),
  restart: () => each(units, restart),
  'try-restart': () => each(units.filter(isActive), restart),
  edit: () => edit(units[0]),
};

const action = COMMANDS[command];
if (action === undefined) fail(`Unknown command verb ${command}.`);
action();
