/** Inside a machine (machine.ts): one mail, `machine-client.ts PORT LOGIN RECIPIENT...`; prints the last reply. */
import { sendMail } from './smtp-client.ts';

const [port, login = '', ...recipients] = process.argv.slice(2);
const auth = login === '' ? {} : { auth: { user: login, password: 'secret' } };
const sender = login === '' ? 'app@example.net' : login;
const { data, recipients: replies } = await sendMail(
  { port: Number(port), ...auth },
  { sender, recipients },
);
const { code, text } = data ?? replies[0] ?? { code: 0, text: 'nothing' };
process.stdout.write(`${code} ${text}\n`);
