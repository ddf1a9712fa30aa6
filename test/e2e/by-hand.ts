/**
 * Blocks by hand with a real mail server, the same for each: what `block` and `unblock` say is what happens to mail.
 * The service does not run, so each command carries out its own change.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Store } from '../../src/store/store.ts';
import { until } from '../support/folder.ts';
import { type Postern, setUpPostern } from '../support/postern.ts';
import { type Sink, startSink } from '../support/sink.ts';

/** One mail server as these cases need it. Relay clients are 198.51.100.0/24 and 2001:db8:1::/64. */
export interface Rig {
  /** lines of postern.yaml: mta, logs, targets, commands */
  readonly yaml: string;
  /** files in which a blocked user and a blocked network stand */
  readonly files: { readonly user: string; readonly network: string };
  /** a line that blocks, as an operator writes it */
  lineFor(id: string): string;
  /** how the log names the account www-data */
  readonly account: string;
  submit(user: string, recipient: string): Promise<unknown>;
  /** without authentication, from this address */
  relay(address: string, recipient: string): Promise<unknown>;
  /** from the local account www-data */
  sendmail(recipient: string): Promise<unknown>;
  /** recipients of mail that is held or frozen */
  held(): Promise<string[]>;
  /** Lets the mail server look into the files. */
  wire(): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

const ALICE = 'alice@example.net';

/** How a block of alice ends while the mail server does not look into the file of this name. */
export function stopsNothing(server: string, file: string): object {
  const words = `^alice@example\\.net is NOT blocked yet .*: ${server} does not look into \\S+/${file} `;
  return { status: 1, stderr: expect.stringMatching(new RegExp(words)) };
}

/**
 * Registers the tests; `start` gets the port of the sink. `hasActions`: lines have an action, so that one can let
 * somebody pass.
 */
export function testByHand(
  start: (sinkPort: number) => Promise<Rig>,
  { hasActions }: { readonly hasActions: boolean },
): void {
  let sink: Sink;
  let rig: Rig;
  let postern: Postern;

  beforeAll(async () => {
    sink = await startSink();
    rig = await start(sink.port);
    postern = setUpPostern(
      `${rig.yaml}\ndatabase: postern.db\nqueue: { hold: false }\ntrustedNetworks: [ 198.51.100.0/24, "2001:db8:1::/64" ]\n`,
    );
    new Store(`${postern.path}/postern.db`).close();
    // Writes the files, which Postfix needs before it is told to look into them.
    await postern.command('block', 'bob@example.net');
    await rig.wire();
    expect(await run(0, 'blocks')).toContain('bob@example.net');
  });
  afterAll(async () => {
    await postern?.remove();
    await rig?.stop();
    await sink?.stop();
  });

  /** Runs a command and returns what it says. */
  async function run(status: number, ...args: string[]): Promise<string> {
    const result = await postern.command(...args);
    const says = result.stdout + result.stderr;
    expect(result.status, `${args.join(' ')}: ${says}\n${rig.log()}`).toBe(status);
    return says;
  }

  let probes = 0;
  /** What becomes of a mail; one that is refused is held for us. */
  async function fate(
    send: (recipient: string) => Promise<unknown>,
  ): Promise<'held' | 'delivered'> {
    const recipient = `friend${++probes}@example.org`;
    const isRefused = await send(recipient).then(
      () => false,
      () => true,
    );
    if (isRefused) return 'held';
    return until(
      `the fate of the mail to ${recipient}`,
      async () => {
        if (sink.recipients.includes(recipient)) return 'delivered';
        return (await rig.held()).includes(recipient) ? 'held' : false;
      },
      { evidence: rig.log },
    );
  }
  /** A changed file takes effect a moment later: sends mail until it meets that fate. */
  async function settles(
    expected: 'held' | 'delivered',
    send: (recipient: string) => Promise<unknown>,
  ): Promise<void> {
    await until(`mail to be ${expected}`, async () => (await fate(send)) === expected, {
      evidence: rig.log,
    });
  }
  const submit = (recipient: string) => rig.submit(ALICE, recipient);
  const from = (address: string) => (recipient: string) => rig.relay(address, recipient);

  it('a local account is blocked, found and unblocked by number and by name', async () => {
    await settles('delivered', rig.sendmail);
    expect(await run(0, 'block', 'uid:33')).toContain(`uid:${rig.account} is blocked (block `);
    await settles('held', rig.sendmail);
    expect(await run(0, 'block', 'uid:www-data')).toContain('is already blocked (block ');
    expect(await run(0, 'explain', 'uid:33')).toContain(`uid:${rig.account}`);
    expect(await run(0, 'explain', 'uid:www-data')).toContain(`uid:${rig.account}`);
    expect(await run(0, 'unblock', 'uid:www-data')).toContain('is no longer blocked (block ');
    await settles('delivered', rig.sendmail);
    await run(0, 'block', 'uid:www-data');
    expect(await run(0, 'unblock', 'uid:33')).toContain('is no longer blocked');
    for (const unknown of ['uid:59999', 'uid:nobody-like-this'])
      expect(await run(1, 'block', unknown)).toContain('there is no such local account');
  });

  it('a network is blocked, and nobody beside it', async () => {
    const said = await run(0, 'block', '198.51.100.0/25');
    expect(said).toContain('198.51.100.0/25 is blocked (block ');
    await settles('held', from('198.51.100.7'));
    expect(await fate(from('198.51.100.200'))).toBe('delivered');
    expect(await fate(submit)).toBe('delivered');
    expect(await run(0, 'block', '198.51.100.9')).toContain('198.51.100.0/25 is already blocked');
    expect(await run(0, 'explain', '198.51.100.9')).toContain('198.51.100.0/25');
    expect(await run(1, 'unblock', '198.51.100.9')).toContain('postern unblock 198.51.100.0/25');
    expect(await run(0, 'unblock', '198.51.100.0/25')).toContain('is no longer blocked');
    await settles('delivered', from('198.51.100.7'));
  });

  it('a network that holds those who must not be blocked is refused', async () => {
    const refused = (typed: string) => run(1, 'block', typed);
    expect(await refused('198.51.0.0/16')).toContain('it holds all of 198.51.100.0/24, which may');
    expect(await refused('127.0.0.0/24')).toContain('loopback is never blocked');
    expect(await refused('10.0.0.0/8')).toContain('it is wider than /16');
    expect(await refused('0.0.0.0/0')).toContain('it is wider than /16');
    expect(await run(2, 'block', '198.51.100.7/24')).toContain('that network is 198.51.100.0/24');
  });

  it('of IPv6 the /64 is blocked, unless one address is named or all relay clients are in it', async () => {
    const said = await run(0, 'block', '2001:db8:2::7');
    expect(said).toContain('Of IPv6 the whole 2001:db8:2::/64 is blocked');
    expect(said).toContain('2001:db8:2::/64 is blocked (block ');
    expect(readFileSync(rig.files.network, 'utf8')).toMatch(/^"?2001:db8:2::\/64/m);
    expect(await run(0, 'unblock', '2001:db8:2::9')).toContain('2001:db8:2::/64 is no longer');
    expect(await run(0, 'block', '2001:db8:2::7/128')).toContain('2001:db8:2::7 is blocked');
    expect(await run(0, 'unblock', '2001:db8:2::7')).toContain('2001:db8:2::7 is no longer');
    expect(await run(0, 'block', '2001:db8:1::7')).toContain('2001:db8:1::7 is blocked');
    await settles('held', from('2001:db8:1::7'));
    expect(await fate(from('2001:db8:1::8'))).toBe('delivered');
    expect(await run(0, 'unblock', '2001:db8:1::7')).toContain('2001:db8:1::7 is no longer');
    expect(await run(0, 'block', '2001:db8:1::/65')).toContain('2001:db8:1::/65 is blocked');
    await settles('held', from('2001:db8:1::8'));
    expect(await run(0, 'unblock', '2001:db8:1::/65')).toContain('is no longer');
    await settles('delivered', from('2001:db8:1::8'));
  });

  it('unblock names a line by hand that still blocks', async () => {
    await run(0, 'block', ALICE);
    await settles('held', submit);
    appendFileSync(rig.files.user, `${rig.lineFor(ALICE)}\n`);
    const line = readFileSync(rig.files.user, 'utf8').trimEnd().split('\n').length;
    // Without our own entry and its comment.
    const said = await run(1, 'unblock', ALICE);
    expect(said).toContain(
      `${ALICE} is STILL blocked: line ${line - 2} of ${rig.files.user} (written by hand)`,
    );
    expect(await fate(submit)).toBe('held');
    expect(await run(1, 'unblock', ALICE)).toContain(
      'has no block of Postern, but is blocked: line',
    );
    const text = readFileSync(rig.files.user, 'utf8');
    writeFileSync(rig.files.user, text.replace(`${rig.lineFor(ALICE)}\n`, ''));
    await run(0, 'unblock', 'bob@example.net'); // builds the table anew
    expect(await run(1, 'unblock', ALICE)).toContain('is not blocked');
    await settles('delivered', submit);
  });

  it.runIf(hasActions)(
    'a line by hand that lets somebody pass is shown until it is gone',
    async () => {
      const { files } = rig;
      const remove = (file: string, line: string) =>
        writeFileSync(file, readFileSync(file, 'utf8').replace(line, ''));
      appendFileSync(files.user, `${ALICE}\tOK\n`);
      appendFileSync(files.network, '198.51.100.0/24\tDUNNO\n');
      for (const [who, send, file, action] of [
        [ALICE, submit, files.user, 'OK'],
        ['198.51.100.9', from('198.51.100.9'), files.network, 'DUNNO'],
      ] as const) {
        const said = await run(1, 'block', who);
        expect(said).toContain(`${who} is NOT blocked yet (block `);
        const why = new RegExp(
          `line \\d+ of ${file} \\(written by hand\\) lets ${who} pass \\(${action}\\)`,
        );
        expect(said).toMatch(why);
        expect(await fate(send)).toBe('delivered');
        expect(await run(0, 'blocks')).toMatch(
          new RegExp(`${who} .*, NOT IN FORCE: ${why.source}`),
        );
        expect(await run(1, 'status')).toMatch(
          new RegExp(`not in force: block \\d+: ${why.source}`),
        );
        expect(await run(0, 'explain', who)).toMatch(/NOT\s+IN\s+FORCE:\s+line/);
      }
      remove(files.user, `${ALICE}\tOK\n`);
      remove(files.network, '198.51.100.0/24\tDUNNO\n');
      expect(await run(0, 'block', ALICE)).toContain('is already blocked');
      expect(await run(0, 'block', '198.51.100.9')).toContain('is already blocked');
      expect(await run(0, 'blocks')).not.toContain('NOT IN FORCE');
      await settles('held', submit);
      await settles('held', from('198.51.100.9'));
      for (const who of [ALICE, '198.51.100.9']) await run(0, 'unblock', who);
      await settles('delivered', submit);
    },
  );

  it('a pattern is refused, whatever is in front of it', async () => {
    for (const typed of ['sender:*@example.org', 'user:*@example.org'])
      expect(await run(1, 'block', typed)).toContain(
        'patterns and whole domains cannot be blocked',
      );
    for (const typed of ['*@example.org', '@example.org'])
      expect(await run(2, 'block', typed)).toContain(
        'patterns and whole domains cannot be blocked',
      );
  });

  it('a login of a Windows domain is taken with its prefix, and the refusal says so', async () => {
    expect(await run(2, 'block', 'DOM\\eve')).toContain("if it is a login: 'user:DOM\\eve'");
    expect(await run(0, 'block', 'user:DOM\\eve')).toContain('user:dom\\eve is blocked');
    expect(await run(0, 'unblock', 'user:DOM\\eve')).toContain('user:dom\\eve is no longer');
  });
}
