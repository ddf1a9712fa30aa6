/** A client of the policy service: the requests that Postfix sends, and the answers as they arrive. */
import { connect, type NetConnectOpts } from 'node:net';

/** A request as Postfix 3.7 writes it at RCPT, with other values for some attributes. */
export function requestText(attributes: Readonly<Record<string, string>> = {}): string {
  const all = {
    request: 'smtpd_access_policy',
    protocol_state: 'RCPT',
    protocol_name: 'ESMTP',
    client_address: '192.0.2.7',
    client_name: 'pc7.example.net',
    client_port: '48162',
    reverse_client_name: 'pc7.example.net',
    server_address: '198.51.100.25',
    server_port: '587',
    helo_name: 'pc7',
    sender: 'alice@example.net',
    recipient: 'x@example.org',
    recipient_count: '0',
    queue_id: '',
    instance: '123.456.7',
    size: '0',
    etrn_domain: '',
    stress: '',
    sasl_method: 'PLAIN',
    sasl_username: 'alice@example.net',
    sasl_sender: '',
    ccert_subject: '',
    ccert_issuer: '',
    ccert_fingerprint: '',
    ccert_pubkey_fingerprint: '',
    encryption_protocol: '',
    encryption_cipher: '',
    encryption_keysize: '0',
    policy_context: '',
    ...attributes,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`);
  return `${lines.join('')}\n`;
}

/** Sends `text`, ends, and returns everything that was received. Rejects if it cannot connect. */
export function exchange(to: NetConnectOpts, ...portions: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(to).setEncoding('latin1');
    let answers = '';
    socket.on('data', (text) => (answers += text));
    socket.on('error', reject);
    socket.on('close', () => resolve(answers));
    socket.on('connect', async () => {
      for (const portion of portions) {
        socket.write(portion, 'latin1');
        await new Promise((next) => setImmediate(next));
      }
      socket.end();
    });
  });
}
