/** `postern explain` of somebody who is exempt says so, and which line says it. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Scratch, scratch } from '../service/scratch.ts';

let at: Scratch;
beforeEach(() => {
  at = scratch({ extra: 'allow: { users: [ boss@example.net ] }\n' });
  at.withStore(() => undefined);
  writeFileSync(
    at.path('exceptions'),
    '# ours\nallow alice@example.net # newsletter\nexcept invalid-recipients bob@example.net\nallow @example.com\n',
  );
});
afterEach(() => at.remove());

it.each([
  ['alice@example.net', 'is exempt: never blocked, by @/exceptions:2 (newsletter).'],
  ['bob@example.net', 'is exempt: left alone by the rule invalid-recipients, by @/exceptions:3.'],
  ['carol@sub.example.com', 'is exempt: never blocked, by @/exceptions:4.'],
  ['boss@example.net', 'is exempt: it is listed in allow.users (@/postern.yaml).'],
])('%s', async (who, text) => {
  const { status, out } = await at.run('explain', who);
  expect({ status, out }).toEqual({
    status: 0,
    out: `${who} ${text.replace('@/', `${at.folder}/`)}\n`,
  });
});

it.each([
  [
    'alice@example.net',
    'it is allowed by @/exceptions:2; to take that back: postern allow alice@example.net --undo',
  ],
  [
    'carol@sub.example.com',
    'it is allowed by @/exceptions:4; to take that back: postern allow @example.com --undo',
  ],
  ['boss@example.net', 'it is listed in allow.users'],
])('%s cannot be blocked by hand, and the message says where', async (who, text) => {
  const { status, err } = await at.run('block', who);
  expect({ status, err }).toEqual({
    status: 1,
    err: `postern: ${who} cannot be blocked: ${text.replace('@/', `${at.folder}/`)}\n`,
  });
});

it('nobody else is', async () => {
  expect((await at.run('explain', 'dave@example.net')).status).toBe(1);
});
