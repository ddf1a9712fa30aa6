/** The tables of mail servers against the folders of parsers. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createParsers, findMta, isMailServerLine, LOG_TRAITS } from '../../src/interpret/mtas.ts';
import type { LoggedLine } from '../../src/model/line.ts';

const PARSERS = createParsers();
const PARSE = new URL('../../src/parse/', import.meta.url).pathname;

function listParsers(): string[] {
  return readdirSync(PARSE).filter((name) => existsSync(join(PARSE, name, 'parser.ts')));
}

describe('the table of parsers', () => {
  it('has every parser in the folder', () => {
    expect(listParsers().sort()).toEqual(Object.keys(PARSERS).sort());
  });

  it('has each parser under its own name', () => {
    expect(Object.entries(PARSERS).filter(([name, { mta }]) => name !== mta)).toEqual([]);
  });
});

describe('the table of log traits', () => {
  it('has a row for every parser, under its own name', () => {
    expect(Object.keys(LOG_TRAITS).sort()).toEqual(Object.keys(PARSERS).sort());
    expect(Object.entries(LOG_TRAITS).filter(([name, { mta }]) => name !== mta)).toEqual([]);
  });
});

describe('findMta', () => {
  it.each([
    ['exim', 'exim'],
    ['exim4', 'exim'],
    ['smtpd', 'postfix'],
    ['amavis', 'postfix'],
  ])('gives %s the parser of %s', (program, mta) => {
    expect(findMta(program)).toBe(mta);
  });
});

describe('isMailServerLine', () => {
  const line: LoggedLine = {
    at: { source: 'log', line: 1, offset: 0 },
    time: 0,
    host: '',
    instance: '',
    service: '',
    program: '',
    pid: '',
    text: '',
    times: 1,
  };

  it.each([
    ['postfix', 'anvil', 'statistics: max cache size 1', true],
    ['exim', 'exim', 'Start queue run: pid=7', true],
    ['exim', 'exim', 'nothing of mail', false],
    ['cron', 'cron', 'job', false],
    ['docker', 'web', 'started', false],
  ])('of %s, %s: %s', (instance, program, text, expected) => {
    expect(isMailServerLine({ ...line, instance, program, text })).toBe(expected);
  });
});
