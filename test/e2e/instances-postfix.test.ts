/**
 * Two real instances of Postfix, made by postmulti, below one service: docs/instances.md, its configurations and its
 * commands in the order in which they are printed. An account stolen in one instance is blocked in its table only.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/folder.ts';
import { hasMachine, type Machine, startMachine } from '../support/machine.ts';
import { installPackage, runPrinted } from '../support/machine-install.ts';
import { POSTFIX } from '../support/machine-postfix.ts';
import { hasPostfix } from '../support/postfix.ts';
import { type PageBlock, pageBlocks } from '../support/recipes.ts';

const SUPPORT = join(import.meta.dirname, '../support');
const ALICE = 'alice@example.net';
const PORTS = { red: 5871, blue: 5872 } as const;
type Name = keyof typeof PORTS;

/** Each with its own queue, logins and port; its relay service has the name in the log that Debian gives it. */
const INSTANCES = `
set -e
postmulti -e init
for name in red blue; do
  postmulti -I postfix-$name -e create
  dir=/etc/postfix-$name
  port=$([ $name = red ] && echo ${PORTS.red} || echo ${PORTS.blue})
  postconf -c $dir -e master_service_disable= myhostname=$name.example.net mydestination= alias_maps= alias_database= \\
    mynetworks=127.0.0.0/8 inet_interfaces=loopback-only inet_protocols=ipv4 disable_dns_lookups=yes \\
    authorized_submit_users=static:anyone 'default_transport=relay:[127.0.0.1]:2525' maillog_file=/var/log/mail.log \\
    smtpd_sasl_path=smtpd smtpd_peername_lookup=no
  postconf -c $dir -MX smtp/inet
  postconf -c $dir -M "$port/inet=$port inet n - y - - smtpd"
  postconf -c $dir -P $port/inet/smtpd_sasl_auth_enable=yes "$port/inet/syslog_name=\\$multi_instance_name/submission" \\
    $port/inet/smtpd_recipient_restrictions=permit_sasl_authenticated,reject
  cp -r /etc/postfix/sasl $dir/
  mkdir -p /var/spool/postfix-$name/etc
  cp -p /var/spool/postfix/etc/* /var/spool/postfix-$name/etc/
  postmulti -i postfix-$name -e enable
  postmulti -i postfix-$name -p start
done
`;

const blocks = pageBlocks('instances.md').filter(({ isCommand }) => isCommand);
const done = new Set<PageBlock>();
const YAML = [
  ...readFileSync(resolve('docs/instances.md'), 'utf8').matchAll(/```yaml\n((?:.*\n)*?)```/g),
].map(([, text]) => text as string);

/** The commands below the heading that hold `text`; they are run once, in the order of the page. */
function take(text: string): string {
  const block = blocks.find((one) => one.text.includes(text));
  if (block === undefined) throw new Error(`docs/instances.md has no ${text}`);
  const earlier = blocks.slice(0, blocks.indexOf(block)).filter((one) => !done.has(one));
  if (earlier.length > 0) throw new Error(`skipped: ${earlier[0]?.text}`);
  done.add(block);
  return block.text;
}

describe.runIf(hasMachine() && hasPostfix())('two instances of Postfix', { retry: 0 }, () => {
  let machine: Machine;
  const run = (text: string) => runPrinted(machine, text);
  const output = async (text: string) => (await machine.shell(text)).output;
  const settled = (what: string, question: () => Promise<boolean>) =>
    until(what, question, { timeout: 40_000 });
  const client = (name: Name, ...recipients: string[]) =>
    machine.must(
      `node ${SUPPORT}/machine-client.ts ${PORTS[name]} ${ALICE} ${recipients.join(' ')}`,
    );
  const table = (name: Name) => output(`cat /etc/postfix-${name}/postern/sasl_access`);
  const held = (name: Name) => output(`postqueue -c /etc/postfix-${name} -p`);
  const configure = (yaml: string) => machine.must('cat >/etc/postern/postern.yaml', yaml);
  const blocked = async () =>
    (await machine.must('postern blocks --format json'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
      .map(({ instance, key }) => `${instance}: ${key.id}`);

  async function steal(name: Name): Promise<void> {
    for (let part = 0; part < 3; part++) {
      const names = Array.from({ length: 40 }, (_, n) => `nobody${part}-${n}@example.org`);
      await client(name, ...names);
    }
    await settled('the block', async () => (await table(name)).includes(ALICE));
  }

  /** What `postern check` prints for main.cf of an instance, added to it. */
  async function addLines(check: string, name: Name): Promise<void> {
    const part = check.split(/^instance /m).find((text) => text.startsWith(name)) ?? '';
    for (const start of ['smtpd_data_restrictions', 'authorized_submit_users']) {
      const found = new RegExp(`^ {11}(${start} =.*\\n(?: {15}.*\\n)*)`, 'm').exec(part);
      const lines = found?.[1]?.replaceAll(/^ {11}/gm, '') ?? '';
      await machine.must(
        `postconf -c /etc/postfix-${name} -X ${start}; cat >>/etc/postfix-${name}/main.cf`,
        `\n${lines}`,
      );
    }
  }

  beforeAll(async () => {
    machine = await startMachine({ hasBuild: true });
    await machine.must(POSTFIX);
    await machine.must(INSTANCES);
    await installPackage(machine);
    await machine.must('mkdir -p /etc/postern');
  }, 240_000);
  afterAll(() => machine?.stop());

  it('are set up step by step', async () => {
    await run(take('install -d -m 0755 /etc/postfix-red'));
    await configure(YAML[0] as string);
    await run(take('postern-single.service.d'));
    const drop = await machine.must('cat /etc/systemd/system/postern-single.service.d/*.conf');
    for (const name of ['red', 'blue']) {
      for (const folder of [`/etc/postfix-${name}/postern`, `/var/spool/postfix-${name}`])
        expect(drop).toMatch(new RegExp(`^ReadWritePaths=.*${folder}`, 'm'));
    }
    await run(take('systemctl enable --now postern-single'));
    await settled('the tables', async () => (await output('ls /etc/postfix-*/postern')).length > 0);
    await settled('both', async () => !(await table('blue')).includes('No such file'));
    const { status, output: check } = await machine.shell('postern check');
    expect(status).toBe(2);
    for (const name of ['red', 'blue'] as const) {
      expect(check).toContain(
        `relay/unix logs as postfix/relay, which syslogNames (postfix-${name}) does not have`,
      );
      expect(check).toContain(
        `fix: set this in /etc/postfix-${name}/main.cf, then run postfix -c /etc/postfix-${name} reload:`,
      );
      expect(check).toContain(
        `fix: postconf -c /etc/postfix-${name} -P 'relay/unix/syslog_name=postfix-${name}/relay'`,
      );
      await addLines(check, name);
    }
    await run(take('relay/unix/syslog_name'));
    // Its last command is to find no problem.
    expect(await run(take('postmulti -p reload'))).toMatch(
      /instance red:\n[\s\S]*No problems found\.\ninstance blue:\n[\s\S]*No problems found\.\n$/,
    );
  }, 120_000);

  it('block a stolen account where it was stolen', async () => {
    expect(await client('red', 'good@example.org')).toMatch(/^250 /);
    await steal('red');
    expect(await table('blue')).not.toContain(ALICE);
    expect(await blocked()).toEqual([`red: ${ALICE}`]);
    expect(await client('red', 'victim@example.org')).toMatch(/^250 /);
    await settled('the held mail', async () => (await held('red')).includes('victim@example.org'));
    expect(await client('blue', 'fine@example.org')).toMatch(/^250 /);
    await settled('the mail of the other', async () =>
      (await output('cat /run/delivered')).includes('fine@example.org'),
    );
    expect(await output('cat /run/delivered')).not.toContain('victim@example.org');
    expect(await output('grep "reload -- " /var/log/mail.log')).toMatch(/ postfix-red\/master/);
    expect(await machine.must(`postern explain ${ALICE} --instance red`)).toContain('User unknown');
    expect((await machine.shell(`postern explain ${ALICE} --instance blue`)).status).toBe(1);
  }, 120_000);

  it('take the commands of the page', async () => {
    await client('red', 'again@example.org');
    const shown = await run(take('postern block eve@example.net --instance red'));
    expect(shown).toMatch(/instance blue:\nNobody is blocked\./);
    expect(shown).toContain('No message of eve@example.net is in the queue.');
    expect(await table('red')).not.toContain('eve@');
    const queue = await machine.must(`postern queue ${ALICE} --instance red`);
    expect(queue).toContain('again@example.org');
    expect(await machine.must(`postern queue ${ALICE} --instance blue`)).toContain('No message');
    await machine.must(`postern unblock ${ALICE} --instance red`);
    await machine.must(`postern queue ${ALICE} --release --instance red`);
    await settled('the released mail', async () =>
      (await output('cat /run/delivered')).includes('victim@example.org'),
    );
    expect(blocks.filter((block) => !done.has(block)).map(({ text }) => text)).toEqual([]);
  }, 120_000);

  it('may have a log and a host name of their own', async () => {
    await machine.must(
      `for name in red blue; do
         postconf -c /etc/postfix-$name -e maillog_file=/var/log/postfix-$name.log
         touch /var/log/postfix-$name.log
         postfix -c /etc/postfix-$name stop
         touch -d '1 minute ago' /etc/postfix-$name/*.cf
         postfix -c /etc/postfix-$name start
       done`,
    );
    await configure(YAML[1] as string);
    await machine.must('systemctl restart postern-single');
    await settled('the service', async () =>
      /red[\s\S]*running since[\s\S]*blue[\s\S]*running since/.test(await output('postern status')),
    );
    await steal('blue');
    expect(await table('red')).not.toContain(ALICE);
    expect(await blocked()).toEqual([`blue: ${ALICE}`]);
    for (const name of ['red', 'blue'])
      expect(await machine.must(`postern report --instance ${name}`)).toContain(
        `Postern report of ${name}.example.net`,
      );
    expect((await machine.shell('postern check')).status).toBe(0);
  }, 120_000);
});
