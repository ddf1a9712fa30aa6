import { describe, expect, test } from 'vitest';
import { getHostGroup } from '../../../src/judge/outage/provider.ts';
import { nameProvider } from '../../../src/model/provider.ts';

describe('providers', () => {
  test.each([
    ['alt1.aspmx.l.google.com', 'google.com'],
    ['gmail-smtp-in.l.google.com.', 'google.com'],
    ['customer-net.mail.protection.outlook.com', 'outlook.com'],
    ['MX.Example.CO.UK', 'example.co.uk'],
    ['mail.example.com.au', 'example.com.au'],
    ['mx00.t1.example.de', 'example.de'],
    ['mx.abc.de', 'abc.de'],
    ['localhost', 'localhost'],
    ['198.51.100.7', '198.51.100.0/24'],
    ['2001:db8::7', '2001:db8::/64'],
    ['', ''],
    ['...', '..'],
  ])('%s is %s', (host, provider) => expect(nameProvider(host)).toBe(provider));

  test('a machine with many names is one host', () => {
    const address = '198.51.100.7';
    expect(getHostGroup({ host: 'mx.one.test', address })).toBe(
      getHostGroup({ host: 'mx.two.test', address: '198.51.100.9' }),
    );
  });
});
