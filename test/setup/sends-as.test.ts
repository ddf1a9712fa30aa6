/** From which addresses the real mail servers say that they send. */
import { networkInterfaces } from 'node:os';
import { afterAll, describe, expect, it } from 'vitest';
import { findEximSendsAs } from '../../src/setup/exim/sends-as.ts';
import { findPostfixSendsAs } from '../../src/setup/postfix/sends-as.ts';
import { eximProgram, hasExim } from '../support/exim.ts';
import { scratchFolder } from '../support/folder.ts';
import { hasPostfix } from '../support/postfix.ts';

const folder = scratchFolder();
afterAll(folder.remove);

describe.skipIf(!hasPostfix())('Postfix', () => {
  const ask = async (name: string, main: string, master = '') => {
    folder.write(`${name}/main.cf`, `myhostname = mail.example.net\n${main}`);
    folder.write(`${name}/master.cf`, `smtp unix - - n - - smtp\n${master}`);
    return await findPostfixSendsAs(['postconf', '-c', folder.at(name)]);
  };

  it('names what is bound in main.cf and in master.cf, with $names expanded', async () => {
    const main = [
      'myorigin = Example.NET',
      'out = 192.0.2.7',
      'smtp_bind_address = $out',
      'smtp_bind_address6 = 2001:DB8::7',
      '',
    ].join('\n');
    const master = 'bulk unix - - n - - smtp\n  -o smtp_bind_address=192.0.2.8\n';
    expect(await ask('bound', main, master)).toEqual({
      addresses: ['192.0.2.7', '2001:db8::7', '192.0.2.8'],
      names: ['mail.example.net', 'example.net'],
    });
  });

  // postconf refuses an address that this machine does not have.
  const own = Object.values(networkInterfaces())
    .flatMap((one) => one ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

  it.skipIf(own === undefined)('takes inet_interfaces if it has one address', async () => {
    expect((await ask('alone', `inet_interfaces = ${own}\n`)).addresses).toEqual([own]);
    expect((await ask('two', `inet_interfaces = ${own}, 127.0.0.1\n`)).addresses).toEqual([]);
  });

  it.each(['inet_interfaces = all\n', 'inet_interfaces = loopback-only\n', ''])(
    'names no address with %j',
    async (main) => expect((await ask('none.d', main)).addresses).toEqual([]),
  );
});

describe.skipIf(!hasExim())('Exim', () => {
  const ask = (name: string, transport: string) => {
    const text = `primary_hostname = mail.example.net\nqualify_domain = example.net\nbegin transports\nremote:\n  driver = smtp\n${transport}`;
    return findEximSendsAs([eximProgram(), '-C', folder.write(name, text)]);
  };

  it('names the interfaces of its transports', async () => {
    expect(await ask('plain', '  interface = <; 192.0.2.7 ; 2001:db8::7\n')).toEqual({
      addresses: ['192.0.2.7', '2001:db8::7'],
      names: ['mail.example.net', 'example.net'],
    });
  });

  it.each(['', '  interface = \x24{if eq{1}{1}{192.0.2.7}}\n'])(
    'names no address with %j',
    async (transport) => expect((await ask('none', transport)).addresses).toEqual([]),
  );
});

it('is nothing when there is no mail server', async () => {
  const none = { addresses: [], names: [] };
  expect(await findPostfixSendsAs(['/nonexistent/postconf'])).toEqual(none);
  expect(await findEximSendsAs(['/nonexistent/exim'])).toEqual(none);
});
