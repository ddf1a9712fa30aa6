/** Bare Debian systems, made from where this machine's own packages come from. */
import { execFileSync } from 'node:child_process';
import { runCommand } from '../../src/base/commands.ts';

/** Making a system takes minutes, ms. */
const PATIENCE = 1_200_000;

function findMirror(): string {
  const argv = ['indextargets', '--format', '$(SITE)'];
  const sites = execFileSync('apt-get', argv, { encoding: 'utf8' }).split('\n');
  return sites.find((line) => /\/debian\/?$/.test(line)) ?? '';
}

/** Makes a system in the folder `root`. `more`: options of debootstrap. Throws with its output when it fails. */
export async function bootstrapDebian(
  root: string,
  release: string,
  ...more: readonly string[]
): Promise<void> {
  const argv = ['debootstrap', '--variant=minbase', ...more, release, root, findMirror()];
  const { status, stdout, stderr } = await runCommand(argv, { timeout: PATIENCE });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stdout}${stderr}`);
}
