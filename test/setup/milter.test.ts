/** The milter in `postern init`: the steps for Postfix. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { recipeText } from '../../src/setup/recipe.ts';

const config = (more: string) =>
  parseConfig(`mta: postfix\nlogs: [ /x ]\n${more}`, '/etc/postern/postern.yaml');
const OURS = '{ unix:postern-milter/milter, command_timeout=30s, default_action=tempfail }';
const setting = (text: string) => /smtpd_milters = (.*)/.exec(text)?.[1];

describe('the steps for Postfix', () => {
  it.each([
    ['', OURS],
    ['inet:127.0.0.1:8891', `${OURS}, inet:127.0.0.1:8891`],
    [`inet:127.0.0.1:8891, ${OURS}`, `inet:127.0.0.1:8891, ${OURS}`],
    ['unix:postern-milter/milter', 'unix:postern-milter/milter'],
  ])('keep %j', (now, expected) => {
    const text = recipeText(config('milter: {}\n'), {
      settings: new Map([['smtpd_milters', now]]),
    });
    expect(setting(text)).toBe(expected);
    expect(text).toContain('systemctl enable --now postern-milter');
  });

  it('name the socket that is configured', () => {
    const text = recipeText(config('milter: { listen: "inet:8900@127.0.0.1" }\n'));
    expect(setting(text)).toContain('{ inet:127.0.0.1:8900, ');
  });

  it('are not there without the milter', () => {
    expect(recipeText(config(''))).not.toContain('milter');
  });
});
