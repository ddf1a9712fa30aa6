/** Which domains are protected: the configuration, mailertable and transport files, and what happens when these change. */
import { rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { parseMailertable, parseTransport } from '../../src/recipients/route-table.ts';
import { Routes } from '../../src/recipients/routes.ts';
import { formatServer } from '../../src/recipients/server.ts';
import { scratchFolder } from '../support/folder.ts';
import { HandClock, recordLog } from '../support/recipients.ts';

const folder = scratchFolder();
afterAll(() => folder.remove());

function shown({ value }: ReturnType<typeof parseMailertable>): Record<string, string[]> {
  return Object.fromEntries([...value].map(([key, servers]) => [key, servers.map(formatServer)]));
}

describe('a mailertable', () => {
  it('names the servers of domains', () => {
    const text = `# comment
example.net	esmtp:[192.0.2.1]
Example.ORG  smtp:[mail.example.org]
.example.org	relay:gateway.example.org
two.example	esmtp:[192.0.2.1]:[192.0.2.2]
six.example	esmtp:[IPv6:2001:db8::1]:backup.example
local.example	local:alice
gone.example	error:5.7.0:550 gone
`;
    const parsed = parseMailertable(text, 2525);
    expect(parsed.problems).toEqual([]);
    expect(shown(parsed)).toEqual({
      'example.net': ['[192.0.2.1]:2525'],
      'example.org': ['[mail.example.org]:2525'],
      '.example.org': ['gateway.example.org:2525'],
      'two.example': ['[192.0.2.1]:2525', '[192.0.2.2]:2525'],
      'six.example': ['[2001:db8::1]:2525', 'backup.example:2525'],
    });
  });

  it('has its broken lines named', () => {
    const text =
      'a.example\nb.example esmtp\nc.example esmtp:[bad host\nd!x esmtp:[192.0.2.1]\ne.example smtp:[192.0.2.9]\n';
    const parsed = parseMailertable(text, 25);
    expect(parsed.problems).toEqual([
      { line: 1, text: 'expected mailer:host, found nothing' },
      { line: 2, text: 'expected mailer:host, found esmtp' },
      { line: 3, text: 'expected a host such as [192.0.2.1], found [bad' },
      { line: 4, text: 'not a domain: d!x' },
    ]);
    expect(shown(parsed)).toEqual({ 'e.example': ['[192.0.2.9]:25'] });
  });
});

describe('a transport file', () => {
  it('names the servers of domains', () => {
    const text = `# comment
example.net   smtp:[192.0.2.1]:2525
example.org   relay:[a.example], [b.example]:26
   , [c.example]
.example.org  smtp:mx.example.org
slow.example  slow:[192.0.2.7]
empty.example :[192.0.2.8]
user@example.net  smtp:[192.0.2.9]
local.example local:
lists.example mailman:
mine.example  :
*             smtp:[192.0.2.200]
`;
    const parsed = parseTransport(text, 25);
    expect(parsed.problems).toEqual([
      { line: 11, text: 'mine.example names no next hop, and strangers are not asked' },
    ]);
    expect(shown(parsed)).toEqual({
      'example.net': ['[192.0.2.1]:2525'],
      'example.org': ['[a.example]:25', '[b.example]:26', '[c.example]:25'],
      '.example.org': ['mx.example.org:25'],
      'slow.example': ['[192.0.2.7]:25'],
      'empty.example': ['[192.0.2.8]:25'],
      '*': ['[192.0.2.200]:25'],
    });
  });

  it('never makes strangers of the Internet into back ends', () => {
    expect(shown(parseTransport('* smtp:\n* relay\n', 25))).toEqual({});
  });
});

it('any text can be read as a table', () => {
  const word = fc.constantFrom('a.example', '.b', '*', 'smtp:', '[', ']', ':', '\n', ' ', '#', 'x');
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string())), (words) => {
      for (const parse of [parseMailertable, parseTransport]) {
        const { value, problems } = parse(words.join(''), 25);
        for (const servers of value.values()) expect(servers.length).toBeGreaterThan(0);
        for (const { line } of problems) expect(line).toBeGreaterThan(0);
      }
    }),
  );
});

describe('routes', () => {
  function routesOf(table: string, subdomains = false) {
    const clock = new HandClock();
    const { log, logged } = recordLog();
    const file = folder.write('transport', table);
    const routes = new Routes(
      {
        domains: [
          {
            domain: 'list.example',
            role: 'primary',
            subdomains: true,
            source: { kind: 'list', file: '/x' },
          },
          { domain: 'any.example', role: 'catch-all', subdomains: false },
        ],
        tables: [{ file, format: 'transport', port: 25, subdomains }],
      },
      { clock, log },
    );
    const find = (domain: string) => {
      const source = routes.find(domain)?.source;
      return source?.kind === 'callout' ? source.servers.map(formatServer) : source?.kind;
    };
    return { routes, find, clock, logged, file };
  }

  it('are found by the nearest name', () => {
    const { find, routes } = routesOf(
      'a.example smtp:[192.0.2.1]\n.a.example smtp:[192.0.2.2]\nb.c.example smtp:[192.0.2.3]\nc.example smtp:[192.0.2.4]\n',
    );
    expect(find('a.example')).toEqual(['[192.0.2.1]:25']);
    expect(find('x.y.a.example')).toEqual(['[192.0.2.2]:25']);
    expect(find('b.c.example')).toEqual(['[192.0.2.3]:25']);
    expect(find('x.c.example')).toBeUndefined();
    expect(find('x.list.example')).toBe('list');
    expect(routes.find('any.example')?.role).toBe('catch-all');
    expect(routes.find('x.any.example')).toBeUndefined();
    expect(find('nota.example')).toBeUndefined();
  });

  it('cover subdomains on request', () => {
    const { find } = routesOf('c.example smtp:[192.0.2.4]\nb.c.example smtp:[192.0.2.3]\n', true);
    expect(find('x.c.example')).toEqual(['[192.0.2.4]:25']);
    expect(find('x.b.c.example')).toEqual(['[192.0.2.3]:25']);
  });

  it('follow the file, and stay while it cannot be read', () => {
    const { find, clock, logged, file } = routesOf('a.example smtp:[192.0.2.1]\n');
    expect(find('a.example')).toEqual(['[192.0.2.1]:25']);
    writeFileSync(file, 'a.example smtp:[192.0.2.22]\nbroken\n');
    clock.time += 1000;
    expect(find('a.example')).toEqual(['[192.0.2.22]:25']);
    expect(logged.map(({ message, data }) => ({ message, ...data }))).toEqual([
      { message: 'file has changed and was read again', file },
      {
        message: 'line is passed over',
        file,
        line: 2,
        problem: 'expected transport:nexthop, found nothing',
      },
    ]);
    rmSync(file);
    clock.time += 1000;
    expect(find('a.example')).toEqual(['[192.0.2.22]:25']);
    clock.time += 1000;
    expect(find('a.example')).toEqual(['[192.0.2.22]:25']);
    expect(logged.filter(({ message }) => message === 'file cannot be read')).toMatchObject([
      { data: { kept: 'what was read last stays in use' } },
    ]);
  });
});
