/** What a failure means for the exit status, and what its code is when none is given. */
import { expect, it } from 'vitest';
import { EXIT, PosternError } from '../../src/base/errors.ts';

it.each([
  ['usage', EXIT.usage],
  ['configuration', EXIT.usage],
  ['environment', EXIT.failed],
] as const)('a failure of kind %s gives exit status %i', (kind, exitStatus) => {
  expect(new PosternError(kind, 'm')).toMatchObject({ kind, code: kind, exitStatus, place: {} });
});

it('a failure keeps its code, its place and its cause', () => {
  const details = { code: 'unreadable', place: { file: 'f', line: 3 }, cause: new Error('why') };
  const error = new PosternError('environment', 'm', details);
  expect(error).toMatchObject({ message: 'm', ...details });
});
