/**
 * A machine as fresh as one can be made of this one: its files below an overlay, so that nothing written stays, with
 * processes and a network of its own, a fresh Postfix or Exim, and stand-ins for what a container lacks: systemctl
 * (machine-systemctl.mjs) and the registry of npm (machine-npm.sh). For tests that do what the documents say.
 */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { runCommand } from '../../src/base/commands.ts';
import { scratchFolder, until } from './folder.ts';
import { available, missingParts } from './server.ts';

const HERE = import.meta.dirname;
const TREE = resolve(HERE, '../..');
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface Ran {
  readonly status: number | null;
  /** standard output and standard error */
  readonly output: string;
}

export interface Machine {
  /** Runs shell text as root, in the folder of Postern's source. */
  shell(text: string, input?: string): Promise<Ran>;
  /** The same; throws with the output if it fails. Returns the output. */
  must(text: string, input?: string): Promise<string>;
  stop(): Promise<void>;
}

export function hasMachine(): boolean {
  const programs = ['/usr/bin/unshare', '/usr/bin/nsenter', '/usr/bin/npm', '/usr/bin/setpriv'];
  const ip = '/usr/sbin/ip';
  return available('machine', missingParts([...programs, ip, '/usr/bin/systemd-sysusers'], []));
}

/** In namespaces of its own: mounts the overlay, then waits for its end. */
const BEGIN = `
set -e
mount -t tmpfs tmpfs "$S"
mkdir "$S/upper" "$S/work" "$S/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$S/upper,workdir=$S/work" "$S/root"
mount -t proc proc "$S/root/proc"
mount --rbind /dev "$S/root/dev"
mount -t tmpfs tmpfs "$S/root/run"
ip link set lo up
echo "$$" >"$S/root/run/ready"
read -r _ || true
`;

/** Takes away what this machine has and a fresh one has not, and puts the stand-ins in place. */
const FURNISH = `
set -e
rm -rf /etc/postern /etc/postfix/postern /etc/sysusers.d /etc/tmpfiles.d /var/lib/postern /etc/systemd/system/postern*
userdel postern 2>/dev/null || true
ln -sf ${realpathSync(process.execPath)} /usr/local/bin/node
mkdir -p /usr/local/sbin /root/postern
cp ${HERE}/machine-systemctl.mjs /usr/bin/systemctl
sed 's|TREE|${TREE}|' ${HERE}/machine-npm.sh >/usr/local/sbin/npm
chmod 755 /usr/bin/systemctl /usr/local/sbin/npm
cd ${TREE}
tar cf - --exclude ./node_modules --exclude ./.git --exclude ./.node $WITHOUT . | tar xf - -C /root/postern
`;

/** Whether the tree under test is built, as scripts/prepare.mjs asks. */
function isBuilt(): boolean {
  const built = statSync(join(TREE, 'dist/cli/main.js'), { throwIfNoEntry: false });
  const sources = readdirSync(join(TREE, 'src'), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => statSync(join(parentPath, name)).mtimeMs);
  return built !== undefined && built.mtimeMs >= Math.max(...sources);
}

/** `hasBuild`: the source is built already where it is on this machine, so that `npm pack` only packs. */
export async function startMachine({ hasBuild = false } = {}): Promise<Machine> {
  const folder = scratchFolder('postern-machine-');
  const options = ['--mount', '--net', '--pid', '--fork', '--kill-child=KILL'];
  const child = spawn('unshare', [...options, '--propagation', 'private', 'sh', '-c', BEGIN], {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { S: folder.path, PATH },
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const stop = async () => {
    child.stdin?.end();
    child.kill('SIGKILL');
    await ended;
    folder.remove();
  };
  const inner = () =>
    readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ')[0];
  const shell = async (text: string, input = ''): Promise<Ran> => {
    const enter = ['nsenter', '-t', `${inner()}`, '-m', '-n', '-p', '--'];
    const clean = ['env', '-i', `PATH=${PATH}`, 'HOME=/root', 'LC_ALL=C', 'TERM=dumb'];
    const root = join(folder.path, 'root');
    // Postfix waits for a main.cf of the last second to become older (makeOld in folder.ts).
    const age = 'trap \'touch -c -d "1 minute ago" /etc/postfix/*.cf\' EXIT';
    const script = `cd /root/postern 2>/dev/null || cd /; { ${age}; ${text}\n} 2>&1`;
    const argv = [...enter, 'chroot', root, ...clean, 'bash', '-c', script];
    const { status, stdout } = await runCommand(argv, { timeout: 120_000, input });
    return { status, output: stdout };
  };
  const must = async (text: string, input?: string) => {
    const { status, output } = await shell(text, input);
    if (status !== 0) throw new Error(`status ${status} of: ${text}\n${output}`);
    return output;
  };
  try {
    await until('the machine', async () => (await shell('test -e /run/ready')).status === 0);
    const without = hasBuild && isBuilt() ? '' : '--exclude ./dist';
    await must(`WITHOUT='${without}'\n${FURNISH}`);
    return { shell, must, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
