/** Login names of numbers, and back: from a file, then from a directory. */
import { chmodSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { findLogins, findUids } from '../../src/enforce/accounts.ts';
import { scratchFolder } from '../support/folder.ts';

const folder = scratchFolder('postern-accounts-');
afterAll(() => folder.remove());
folder.write('passwd', 'root:x:0:0::/root:\nWeb:x:33:33::/:\ntwin:x:33:33::/:\nbroken\n');
folder.write(
  'getent',
  '#!/bin/sh\necho "$1" >> "$0.asked"\ncase "$1" in ldap|2000) echo ldap:x:2000:1::/:;; esac\n',
);
chmodSync(folder.at('getent'), 0o755);
const options = { passwd: folder.at('passwd'), getent: [folder.at('getent')] };

it('finds names by number and numbers by name, the first of two', async () => {
  expect(Object.fromEntries(await findLogins(['33', '2000', '7'], options))).toEqual({
    0: 'root',
    33: 'Web',
    2000: 'ldap',
  });
  expect(Object.fromEntries(await findUids(['web', 'ldap', 'gone', '33', '-x'], options))).toEqual({
    root: '0',
    web: '33',
    ldap: '2000',
  });
  expect(folder.read('getent.asked')).toBe('2000\n7\nldap\ngone\n');
});
