/** Agreement with labelled replies, which are beside the repository if at all. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { classify, parseReply } from '../../src/classify/classify.ts';

const DEFAULT = fileURLToPath(new URL('../../../shared/corpus/replies.tsv', import.meta.url));
const path = process.env.POSTERN_CORPUS ?? DEFAULT;
const LEAST_AGREEMENT = 0.98;

interface Row {
  readonly id: string;
  readonly reply: string;
  readonly status: string;
  readonly code: string;
  readonly accepted: readonly string[];
}

function readRows(file: string): readonly Row[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(1);
  return lines.filter(Boolean).map((line) => {
    const [id = '', , reply = '', status = '', code = '', , reason = '', also = ''] =
      line.split('\t');
    return { id, reply, status, code, accepted: [reason, ...also.split('|')] };
  });
}

function findReason(row: Row): string {
  return classify({ reply: row.reply, ...(row.status === '' ? {} : { status: row.status }) });
}

if (existsSync(path)) {
  describe('labelled replies', () => {
    const rows = readRows(path);

    it(`agrees on at least ${LEAST_AGREEMENT * 100} % of them`, () => {
      const wrong = rows.filter((row) => !row.accepted.includes(findReason(row)));
      const agreement = 1 - wrong.length / rows.length;
      console.log(`labelled replies: ${rows.length}, agreement ${agreement.toFixed(3)}`);
      expect(
        agreement,
        wrong.map((row) => `${row.id} ${findReason(row)}`).join('\n'),
      ).toBeGreaterThan(LEAST_AGREEMENT);
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
