/** What blocklists are asked about: as configured, else as bound, else the interfaces, else what the log names. */
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { findNamed, findOwnAddresses } from '../../src/daemon/own-addresses.ts';

const card = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo;
const INTERFACES = {
  lo: [card('127.0.0.1', true), card('::1', true)],
  eth0: [card('10.0.0.5'), card('fe80::5'), card('fd00::5'), card('2001:4860::5')],
  eth1: [card('100.64.1.1'), card('198.51.100.7')],
};
const NOBODY = { addresses: [], names: [] };
const CONFIG = { interval: 1 };
const known = {
  config: undefined,
  sendsAs: NOBODY,
  store: undefined,
  now: 0,
  interfaces: INTERFACES,
};

it.each([
  [
    'the configuration, also what looks private',
    {
      config: { ...CONFIG, addresses: ['10.0.0.9'], names: ['mail.example.net'] },
      sendsAs: { addresses: ['192.0.2.7'], names: ['mx.example.net'] },
    },
    [
      { subject: '10.0.0.9', from: 'configuration' },
      { subject: 'mail.example.net', from: 'configuration' },
    ],
  ],
  [
    'what the mail server binds, and its names',
    { sendsAs: { addresses: ['192.0.2.7', '192.0.2.7'], names: ['mx.example.net'] } },
    [
      { subject: '192.0.2.7', from: 'mail server' },
      { subject: 'mx.example.net', from: 'mail server' },
    ],
  ],
  [
    'the interfaces when it binds a private address',
    { sendsAs: { addresses: ['10.0.0.5'], names: [] } },
    [
      { subject: '2001:4860::5', from: 'network interface' },
      { subject: '198.51.100.7', from: 'network interface' },
    ],
  ],
])('is %s', (_name, changes, expected) => {
  expect(findOwnAddresses({ ...known, ...changes })).toEqual(expected);
});

describe('addresses that replies name', () => {
  const refusal = (provider: string, ...addresses: string[]) => ({
    provider,
    since: 0,
    last: 0,
    refusals: 1,
    named: [],
    reply: '',
    before: [],
    queueIds: [],
    addresses,
  });

  it('are ours when several providers name them', () => {
    const refusals = [
      refusal('outlook.com', '198.51.100.7', '10.0.0.1'),
      refusal('yahoodns.net', '198.51.100.7', '10.0.0.1'),
      refusal('hostile.example', '203.0.113.66'),
    ];
    expect(findNamed(refusals)).toEqual(['198.51.100.7']);
  });
});
