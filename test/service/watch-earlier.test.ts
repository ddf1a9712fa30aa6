/** `postern watch` on mail that came before it began: whose it is, the service has stored. */
import { appendFileSync, chmodSync, chownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { accepted, bounce, type Scratch, scratch } from './scratch.ts';
import { SERVICE } from './step-place.ts';

let at: Scratch;
let ending: AbortController;

beforeEach(() => {
  at = scratch();
  ending = new AbortController();
});
afterEach(() => at.remove());

/** Watches until `wanted` is printed, after these lines were logged. */
async function watch(lines: readonly string[]) {
  const { runWatch } = await import('../../src/cli/watch.ts');
  const printed = { out: '', err: '' };
  const io = {
    stdout: (text: string) => {
      printed.out += text;
    },
    stderr: (text: string) => {
      printed.err += text;
    },
  };
  const done = runWatch({ config: at.config, format: 'text' }, io, ending.signal);
  await new Promise((resolve) => setTimeout(resolve, 500)); // it begins at the end of the log
  appendFileSync(at.log, lines.map((line) => `${line}\n`).join(''));
  await expect.poll(() => printed.out, { timeout: 30_000 }).not.toBe('');
  ending.abort();
  await done;
  return printed;
}

async function storeAccepted(): Promise<void> {
  at.write(...accepted('alice@example.net'));
  const service = at.start();
  const open = () => at.withStore((store) => store.state.messageCount());
  await expect.poll(open, { timeout: 30_000 }).toBe(1);
  await service.stop();
}

it('names the submitter of mail that is in the queue already', async () => {
  await storeAccepted();
  const { out, err } = await watch(bounce('nobody@example.org'));
  expect(out).toMatch(/ bounced alice@example\.net <alice@example\.net> to <nobody@example\.org> /);
  expect(err).toBe('');
});

it('shows a sender that is not known as -, and only the null sender as <>', async () => {
  at.write('a line of another program');
  accepted('alice@example.net'); // never logged
  const { out, err } = await watch(bounce('nobody@example.org'));
  expect(out).toMatch(/ bounced - - to <nobody@example\.org> /);
  expect(err).toBe('');
});

it.runIf(process.getuid?.() === 0)(
  'as root reads the database as its owner, and is root again for the log',
  async () => {
    await storeAccepted();
    chmodSync(at.folder, 0o755);
    chmodSync(at.log, 0o600);
    for (const name of readdirSync(at.folder).filter((name) => name.startsWith('postern.db')))
      chownSync(at.path(name), SERVICE.uid, SERVICE.gid);
    chownSync(at.folder, SERVICE.uid, SERVICE.gid);
    const { out, err } = await watch(bounce('nobody@example.org'));
    expect(out).toContain('bounced alice@example.net ');
    expect(err).toBe('');
    expect(process.geteuid?.()).toBe(0);
    for (const name of readdirSync(at.folder).filter((name) => name.startsWith('postern.db')))
      expect(lstatSync(at.path(name)).uid).toBe(SERVICE.uid);
    chownSync(at.folder, 0, 0);
  },
);

it('says in one line that it cannot know, when the database is unusable', async () => {
  mkdirSync(at.path('postern.db'));
  accepted('alice@example.net');
  at.write('x');
  const { err } = await watch(bounce('nobody@example.org'));
  expect(err).toMatch(
    /^postern: whose mail is in the queue already is not known: .*: this is not a file; .*\n$/,
  );
});
