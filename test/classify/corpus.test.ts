/** Agreement with labelled replies, which are beside the repository if at all. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { classify, parseReply } from '../../src/classify/classify.ts';

const DEFAULT = fileURLToPath(new URL('../../../shared/corpus/replies.tsv', import.meta.url));
const path = process.env.POSTERN_CORPUS ?? DEFAULT;
const fieldPath =
  process.env.POSTERN_CORPUS_FIELD ?? path.replace(/replies\.tsv$/, 'replies-field.tsv');
const LEAST_AGREEMENT = 0.98;

interface Row {
  readonly id: string;
  readonly reply: string;
  readonly status: string;
  readonly code: string;
  /** the reason to report, then others that are fair as well */
  readonly accepted: readonly string[];
}

function readRows(file: string): readonly Row[] {
  const [head = '', ...lines] = readFileSync(file, 'utf8').split('\n');
  const columns = head.split('\t');
  return lines.filter(Boolean).map((line, index) => {
    const fields = line.split('\t');
    const get = (column: string): string => fields[columns.indexOf(column)] ?? '';
    const accepted = [get('our_reason'), ...get('also_ok').split('|')].filter(Boolean);
    const id = columns.includes('id') ? get('id') : `line ${index + 2}`;
    return { id, reply: get('reply'), status: get('dsn'), code: get('code'), accepted };
  });
}

function findReason(row: Row): string {
  return classify({ reply: row.reply, ...(row.status === '' ? {} : { status: row.status }) });
}

function listWrong(rows: readonly Row[]): readonly string[] {
  return rows
    .filter((row) => !row.accepted.includes(findReason(row)))
    .map((row) => `${row.id} ${findReason(row)}`);
}

if (existsSync(path)) {
  describe('labelled replies', () => {
    const rows = readRows(path);

    it(`agrees on at least ${LEAST_AGREEMENT * 100} % of them`, () => {
      const wrong = listWrong(rows);
      const agreement = 1 - wrong.length / rows.length;
      console.log(`labelled replies: ${rows.length}, agreement ${agreement.toFixed(3)}`);
      expect(agreement, wrong.join('\n')).toBeGreaterThan(LEAST_AGREEMENT);
    });

    it('calls nobody invalid who is not', () => {
      const invalid = /^invalid-/;
      const wrong = rows.filter(
        (row) =>
          invalid.test(findReason(row)) && !row.accepted.some((reason) => invalid.test(reason)),
      );
      expect(wrong.map((row) => row.id).length).toBeLessThanOrEqual(1);
    });

    it('finds the same codes', () => {
      const wrong = rows.filter((row) => String(parseReply(row.reply).code ?? '') !== row.code);
      expect(wrong.map((row) => row.id)).toEqual([]);
    });
  });
} else {
  it(`labelled replies are not here: nothing measured (${path})`, () => {
    console.log(`no labelled replies at ${path}: agreement not measured`);
    expect(existsSync(path)).toBe(false);
  });
}

if (existsSync(fieldPath)) {
  describe('labelled replies from the field', () => {
    const INVALID = 'invalid-recipient';
    const rows = readRows(fieldPath);

    it('gives a fair reason to at least 95 % of them', () => {
      const wrong = listWrong(rows);
      const agreement = 1 - wrong.length / rows.length;
      console.log(`field replies: ${rows.length}, agreement ${agreement.toFixed(3)}`);
      expect(agreement, wrong.join('\n')).toBeGreaterThanOrEqual(0.95);
    });

    it('says invalid-recipient with a precision of at least 98 %', () => {
      const said = rows.filter((row) => findReason(row) === INVALID);
      const wrong = said.filter((row) => !row.accepted.includes(INVALID));
      expect(wrong.map((row) => row.id).length).toBeLessThanOrEqual(said.length * 0.02);
    });

    it('finds at least 97 % of the invalid recipients', () => {
      const all = rows.filter((row) => row.accepted[0] === INVALID);
      const missed = listWrong(all);
      expect(missed.length, missed.join('\n')).toBeLessThanOrEqual(all.length * 0.03);
    });
  });
} else {
  it(`field replies are not here: nothing measured (${fieldPath})`, () => {
    console.log(`no field replies at ${fieldPath}: agreement not measured`);
    expect(existsSync(fieldPath)).toBe(false);
  });
}
