/** Which blocks end when an account system reports a new password. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RULE } from '../support/rule.ts';
import { type Scratch, scratch } from './scratch.ts';

let at: Scratch;
beforeEach(() => {
  at = scratch({
    rule: `${RULE.trimEnd()}\nends-with: password-changed\n`,
    extra: 'logins: { defaultDomain: example.net }',
  });
});
afterEach(() => at.remove());

const rule = /^name: (.+)$/m.exec(RULE)?.[1] as string;

function block(id: string, cause = rule) {
  at.withStore((store) =>
    store.commit(() => store.blocks.start({ key: { type: 'user', id }, cause, start: 1 })),
  );
}
const running = () => at.withStore((store) => store.blocks.allRunning().map(({ key }) => key.id));

it('ends the block of a rule that says so, and keeps who did it', async () => {
  block('alice@example.net');
  const { status, out } = await at.run('password-changed', 'Alice', '--by', 'helpdesk');
  expect({ status, out }).toEqual({
    status: 0,
    out: 'alice@example.net is no longer blocked (block 1).\n',
  });
  expect((await at.run('blocks', '--all')).out).toMatch(
    /ended 2[^"]+: helpdesk changed the password$/m,
  );
  const { out: json } = await at.run('blocks', '--all', '--format', 'json');
  expect(JSON.parse(json)).toMatchObject({ releasedBy: 'password', passwordBy: 'helpdesk' });
});

it.each(['owner', 'alice', 'Alice@Example.net', 'OWNER'])(
  'keeps the block when %s changed it alone',
  async (by) => {
    block('alice@example.net');
    const { status, err } = await at.run('password-changed', 'alice@example.net', '--by', by);
    expect(status).toBe(1);
    expect(err).toContain('alice@example.net stays blocked (block 1): the owner changed');
    expect(running()).toEqual(['alice@example.net']);
  },
);

it.each([
  ['manual', 'it was not begun by a rule'],
  ['gone', 'it was not begun by a rule'],
])('keeps a block of cause %s', async (cause, why) => {
  block('alice@example.net', cause);
  const { status, err } = await at.run('password-changed', 'alice', '--by', 'helpdesk');
  expect(status).toBe(1);
  expect(err).toContain(why);
});

it('has nothing to do for an account that is not blocked', async () => {
  at.withStore(() => {});
  const { status, out } = await at.run('password-changed', 'bob', '--by', 'helpdesk');
  expect({ status, out }).toEqual({
    status: 0,
    out: 'bob@example.net is not blocked, nothing to do.\n',
  });
});

it.each([
  [['alice']],
  [['192.0.2.7', '--by', 'helpdesk']],
  [['alice', '--by', ' ']],
  [['alice', '--by', 'a\nb']],
])('refuses %j with status 2', async (words) => {
  at.withStore(() => {});
  expect((await at.run('password-changed', ...words)).status).toBe(2);
});
