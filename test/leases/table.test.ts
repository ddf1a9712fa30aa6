/** Who had an address at a time, and the files that say so while they change. */
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Lease } from '../../src/leases/lease.ts';
import { LeaseSources } from '../../src/leases/sources.ts';
import { LeaseTable } from '../../src/leases/table.ts';
import { scratchFolder } from '../support/folder.ts';

function lease(address: string, person: string, from: number, until?: number): Lease {
  return { address, person, from, until };
}

describe('a table of leases', () => {
  const table = new LeaseTable([
    lease('10.1.0.7', 'erika', 100, 200),
    lease('10.1.0.7', 'karl', 200),
    lease('10.1.0.8', 'erika', 200, 300),
  ]);

  it.each([
    ['10.1.0.7', 99, undefined],
    ['10.1.0.7', 100, 'erika'],
    ['10.1.0.7', 199, 'erika'],
    ['10.1.0.7', 200, 'karl'],
    ['10.1.0.7', 9999, 'karl'],
    ['10.1.0.8', 300, undefined],
    ['10.1.0.9', 200, undefined],
  ])('%s at %d belongs to %s', (address, time, person) => {
    expect(table.findPerson(address, time)).toBe(person);
  });

  it('follows a person to the next address', () => {
    expect(table.findAddresses('erika', 150)).toEqual(['10.1.0.7']);
    expect(table.findAddresses('erika', 250)).toEqual(['10.1.0.8']);
    expect(table.findAddresses('erika', 300)).toEqual([]);
  });

  it('agrees with a look through all leases', () => {
    const leases = fc.array(
      fc.record({
        address: fc.constantFrom('10.0.0.1', '10.0.0.2'),
        person: fc.constantFrom('a', 'b', 'c'),
        from: fc.integer({ min: 0, max: 20 }),
        until: fc.option(fc.integer({ min: 0, max: 25 }), { nil: undefined }),
      }),
    );
    fc.assert(
      fc.property(leases, fc.integer({ min: 0, max: 30 }), (given, time) => {
        const built = new LeaseTable(given);
        for (const address of ['10.0.0.1', '10.0.0.2']) {
          let last: Lease | undefined;
          for (const one of given) {
            if (one.address === address && one.from <= time && one.from >= (last?.from ?? 0))
              last = one;
          }
          const ended = last?.until !== undefined && last.until <= time;
          expect(built.findPerson(address, time)).toBe(ended ? undefined : last?.person);
        }
      }),
    );
  });
});

describe('the files', () => {
  const folder = scratchFolder();
  afterAll(() => folder.remove());
  const HEAD = 'address,person,from,until\n';

  it('are read again when they change, and keep what was read while they are gone', () => {
    const file = folder.at('leases.csv');
    writeFileSync(file, `${HEAD}10.1.0.7,erika,1794297600,\n`);
    const sources = new LeaseSources([{ file, format: 'csv' }]);
    const at = 1794297600_000;
    expect(sources.table(0).findPerson('10.1.0.7', at)).toBe('erika');

    writeFileSync(`${file}.new`, `${HEAD}10.1.0.7,karl,1794297600,\n`);
    renameSync(`${file}.new`, file);
    expect(sources.table(500).findPerson('10.1.0.7', at), 'not looked yet').toBe('erika');
    expect(sources.table(1000).findPerson('10.1.0.7', at)).toBe('karl');

    rmSync(file);
    expect(sources.table(2000).findPerson('10.1.0.7', at)).toBe('karl');
    expect(sources.failures(2500)).toEqual([expect.stringContaining(`${file}: ENOENT`)]);

    writeFileSync(file, `${HEAD}10.1.0.7,erika,1794297600,\n`);
    expect(sources.table(3000).findPerson('10.1.0.7', at)).toBe('erika');
    expect(sources.failures(3500)).toEqual([]);
  });

  it('a session goes on in the file of the next day', () => {
    const record = (status: string, seconds: number, length: number) =>
      [
        'Tue Nov 10 00:00:00 2026',
        `\tAcct-Status-Type = ${status}`,
        '\tUser-Name = "erika"',
        '\tFramed-IP-Address = 10.1.0.7',
        '\tAcct-Session-Id = "00000001"',
        `\tAcct-Session-Time = ${length}`,
        `\tTimestamp = ${1794297600 + seconds}`,
        '\n',
      ].join('\n');
    const source = { file: folder.at('radacct/detail-*'), format: 'radius-detail' } as const;
    const sources = new LeaseSources([source]);
    const personAt = (now: number, seconds: number) =>
      sources.table(now).findPerson('10.1.0.7', (1794297600 + seconds) * 1000);
    expect(personAt(0, 10)).toBeUndefined();
    expect(sources.failures(0)).toEqual([expect.stringContaining('ENOENT')]);

    folder.write('radacct/other', record('Start', 0, 0).replace('erika', 'karl'));
    expect(personAt(1000, 10)).toBeUndefined();
    expect(sources.failures(1000)).toEqual([`${source.file}: there is no such file`]);

    folder.write('radacct/detail-20261110', record('Start', 0, 0));
    expect(personAt(2000, 500)).toBe('erika');
    // Its beginning as the stop tells it is a second earlier than the start was.
    folder.write('radacct/detail-20261111', record('Stop', 400, 401));
    expect(personAt(3000, 399)).toBe('erika');
    expect(personAt(3000, 500)).toBeUndefined();
    expect(sources.failures(3000)).toEqual([]);

    for (const day of ['12', '13', '14']) folder.write(`radacct/detail-202611${day}`, '');
    expect(personAt(4000, 399), 'too old').toBeUndefined();
  });
});
