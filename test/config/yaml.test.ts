/** Lines of keys, values and mistakes in a YAML file. */
import { describe, expect, it } from 'vitest';
import { dotted, problemsError, readYaml } from '../../src/base/yaml.ts';

const FILE = `# a comment
name: x
list:
  - a
  - b: 1
section:
  inner: { deep: 2 }
`;

describe('places', () => {
  const yaml = readYaml(FILE, 'f.yaml');

  it('come with the plain values', () => {
    expect(yaml.problems).toEqual([]);
    expect(yaml.value).toEqual({
      name: 'x',
      list: ['a', { b: 1 }],
      section: { inner: { deep: 2 } },
    });
    expect(readYaml('', 'f.yaml').value).toBeNull();
  });

  it.each([
    [[], 2, 2],
    [['name'], 2, 2],
    [['list'], 3, 4],
    [['list', 1], 5, 5],
    [['list', 1, 'b'], 5, 5],
    [['section'], 6, 7],
    [['section', 'inner', 'deep'], 7, 7],
    [['section', 'missing'], 7, 7],
    [['missing'], 2, 2],
    [['name', 'no', 'section'], 2, 2],
  ])('%j: its key in line %i, its value in line %i', (path, key, value) => {
    const named = path.length === 0 ? {} : { key: dotted(path) };
    expect(yaml.keyPlace(path)).toEqual({ file: 'f.yaml', line: key, ...named });
    expect(yaml.place(path)).toEqual({ file: 'f.yaml', line: value, ...named });
    expect(yaml.problem(path, 't')).toEqual({ file: 'f.yaml', line: key, ...named, text: 't' });
  });

  it('know which keys are there', () => {
    expect(yaml.has(['section', 'inner'])).toBe(true);
    expect(yaml.has(['section', 'deep'])).toBe(false);
  });
});

const OWN = { mistake: () => 'wrong', secondDocument: 'second', strict: true };

describe('mistakes', () => {
  it.each([
    ['a: [1\n', undefined, [{ line: 2, text: expect.stringMatching(/^expected YAML: Flow/) }]],
    ['a: 1\n---\nb: 2\n', undefined, [{ line: 2, text: 'expected one YAML document' }]],
    ['a: 1\n---\nb: 2\n', OWN, [{ line: 2, text: 'second' }]],
    ['a: 1\nb: *x\n', undefined, [{ line: 2, text: 'expected an anchor &x before this alias' }]],
    ['a: 1\nb: *x\n', OWN, [{ line: 1, text: 'wrong' }]],
    ['a: 1\nb: !x 1\n', OWN, [{ line: 2, text: 'wrong' }]],
  ])('of %j', (text, words, expected) => {
    const { problems, value } = readYaml(text, 'f.yaml', words);
    expect(problems).toEqual(expected.map((problem) => ({ file: 'f.yaml', ...problem })));
    expect(value).toBeUndefined();
  });

  it('leave a value where a key stands there twice: the last one, and its line', () => {
    const yaml = readYaml('a: { b: 1, b: 2 }\nc: 1\na: { b: 3,\n  b: 4 }\n', 'f.yaml');
    expect(yaml.problems.map(({ line }) => line)).toEqual([1, 3, 4]);
    expect(yaml.value).toEqual({ a: { b: 4 }, c: 1 });
    expect(yaml.place(['a', 'b'])).toEqual({ file: 'f.yaml', line: 4, key: 'a.b' });
    expect(yaml.keyPlace(['a', 'b'])).toEqual({ file: 'f.yaml', line: 4, key: 'a.b' });
    expect(readYaml('a: 1\na: [\n', 'f.yaml').value).toBeUndefined();
  });

  it('are no tags that nobody knows, unless they shall be', () => {
    expect(readYaml('a: !x 1', 'f.yaml')).toMatchObject({ problems: [], value: { a: '1' } });
  });

  it('are aliases that multiply', () => {
    const tenfold = (name: string, of: string) => `${name}: &${name} [${`*${of}, `.repeat(10)}]\n`;
    const bomb = `z: &z [1]\n${tenfold('a', 'z')}${tenfold('b', 'a')}${tenfold('c', 'b')}`;
    const { problems } = readYaml(bomb, 'f.yaml');
    expect(problems).toEqual([
      { file: 'f.yaml', line: 1, text: expect.stringContaining('Excessive alias count') },
    ]);
  });

  it('become one error in the order of the lines', () => {
    const error = problemsError('code', [
      { file: 'f', line: 3, key: 'b', text: 'two' },
      { file: 'f', line: 1, text: 'one' },
    ]);
    expect(error.message).toBe('f:1: one\nf:3: b: two');
    expect(error.place).toEqual({ file: 'f', line: 1 });
    expect(error).toMatchObject({ code: 'code', exitStatus: 2 });
  });
});
