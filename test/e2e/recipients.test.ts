/** Recipient verification with a real Postfix as the back end: its words, its codes, and its limits for clients that err. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasPostfix, type PostfixServer, startPostfix } from '../support/postfix.ts';
import { makeVerifier, STRANGER } from '../support/recipients.ts';

describe.runIf(hasPostfix())('Postfix as a back end', () => {
  let server: PostfixServer;
  beforeAll(async () => {
    server = await startPostfix({ sinkPort: 9 });
    await server.configure(
      'relay_recipient_maps = regexp:{dir}/people\nsmtpd_recipient_restrictions = check_recipient_access inline:{{grey@example.net=DEFER}}, permit_mynetworks, reject_unauth_destination',
    );
    server.folder.write('etc/people', '/^(good[0-9]*|grey)@example\\.net$/ OK\n');
  });
  afterAll(() => server?.stop());

  function verifierFor(domain: string) {
    const servers = [{ host: '127.0.0.1', port: server.smtpPort, mx: false }];
    const source = { kind: 'callout' as const, servers };
    return makeVerifier({
      domains: [{ domain, role: 'primary', subdomains: false, source }],
      callout: { connectTimeout: 5000, replyTimeout: 5000 },
      budget: 30_000,
    });
  }

  it('says which recipients exist, to as many questions as there are', async () => {
    const { verifier, logged } = verifierFor('example.net');
    const numbers = Array.from({ length: 60 }, (_, index) => index);
    const names = numbers.map((n) => `${n % 3 === 0 ? 'good' : 'bad'}${n}@example.net`);
    const verdicts = await Promise.all(names.map((name) => verifier.verify(name, STRANGER)));
    expect(verdicts.map(({ kind }) => kind)).toEqual(
      numbers.map((n) => (n % 3 === 0 ? 'valid' : 'invalid')),
    );
    expect(logged).toEqual([]);
    expect(verifier.acceptingAll()).toEqual([]);
    verifier.close();
    expect(server.log()).toMatch(/550 5\.1\.1 <bad1@example\.net>: .*User unknown/);
    expect(server.log()).not.toContain('too many errors');
  });

  it('that defers a recipient, or is not responsible for the domain, gives no verdict', async () => {
    const own = verifierFor('example.net');
    expect(await own.verifier.verify('grey@example.net', STRANGER)).toMatchObject({
      kind: 'unknown',
      step: 'RCPT',
      reason: expect.stringMatching(/^450 4\.7\.1 /),
    });
    const other = verifierFor('example.edu');
    expect(await other.verifier.verify('a@example.edu', STRANGER)).toMatchObject({
      kind: 'unknown',
      step: 'RCPT',
      reason: expect.stringMatching(/^[45]\d\d [45]\.7\.1 .*Relay access denied/),
    });
    for (const { verifier } of [own, other]) verifier.close();
  });
});
