// Inside a machine (machine.ts): the rest of the Internet on port 2525, which writes down each recipient whose message
// it took.
import { appendFileSync } from 'node:fs';
import { SMTPServer } from 'smtp-server';

new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  onRcptTo({ address }, _session, callback) {
    if (!address.startsWith('nobody')) return callback();
    const text = `5.1.1 <${address}>: Recipient address rejected: User unknown`;
    callback(Object.assign(new Error(text), { responseCode: 550 }));
  },
  onData(stream, { envelope }, callback) {
    stream.resume();
    stream.on('end', () => {
      appendFileSync(
        '/run/delivered',
        envelope.rcptTo.map(({ address }) => `${address}\n`).join(''),
      );
      callback();
    });
  },
}).listen(2525, '127.0.0.1');
