/** What is remembered for content filters survives a restart where necessary, and is bounded whatever a log says. */
import { describe, expect, it } from 'vitest';
import { newMessage } from '../../src/correlate/message.ts';
import { MessageIds } from '../../src/correlate/message-ids.ts';
import { PipedMessages } from '../../src/correlate/piped-messages.ts';
import { RelayClients } from '../../src/correlate/relay-clients.ts';

const T = Date.parse('2026-11-01T09:05:07Z');

function piped(queueId: string, sender = 'alice@example.net') {
  return { ...newMessage('mx1', queueId, T, 'submitted'), sender, piped: 1 };
}

describe('messages that left by pipe', () => {
  it('are known for a minute, and until all of them came back', () => {
    const messages = new PipedMessages();
    const message = piped('1');
    messages.add(message, T);
    expect(messages.find('mx1', '1', T + 59_999)).toMatchObject({ queueId: '1' });
    expect(messages.find('mx1', '1', T + 60_000)).toBeUndefined();
    expect(messages.find('mx2', '1', T)).toBeUndefined();
    messages.noteReturn(message);
    expect(messages.find('mx1', '1', T)).toBeUndefined();
  });

  it('are not remembered without a pipe, nor with a sender that no real mail has', () => {
    const messages = new PipedMessages();
    messages.add({ ...piped('1'), piped: 0 }, T);
    messages.add(piped('2', 'a'.repeat(60_000)), T);
    expect(messages.find('mx1', '1', T)).toBeUndefined();
    expect(messages.find('mx1', '2', T)).toBeUndefined();
  });

  it('are bounded: the oldest are dropped, the newest stay', () => {
    const messages = new PipedMessages();
    for (let id = 0; id < 5000; id++) messages.add(piped(`${id}`), T);
    const known = Array.from({ length: 5000 }, (_, id) => messages.find('mx1', `${id}`, T));
    expect(known.filter((message) => message !== undefined).length).toBeLessThanOrEqual(2000);
    expect(known.at(-1)).toBeDefined();
    expect(known[0]).toBeUndefined();
  });
});

describe('queue IDs of a Message-ID', () => {
  it('are the first one and the newest one that continues it', () => {
    const ids = new MessageIds();
    ids.add('mx1', '<1@example.net>', 'A', T);
    ids.add('mx1', '<1@example.net>', 'B', T, 'A');
    expect(ids.find('mx1', '<1@example.net>', T)).toEqual(['A', 'B']);
    ids.add('mx1', '<1@example.net>', 'C', T, 'B');
    expect(ids.find('mx1', '<1@example.net>', T)).toEqual(['A', 'C']);
  });

  it('are none if another message has it, or if the first is ten minutes old', () => {
    const ids = new MessageIds();
    ids.add('mx1', '<1@example.net>', 'A', T);
    ids.add('mx1', '<1@example.net>', 'B', T + 540_000, 'A');
    expect(ids.find('mx1', '<1@example.net>', T + 600_000)).toEqual([]);
    ids.add('mx1', '<2@example.net>', 'A', T);
    ids.add('mx1', '<2@example.net>', 'B', T, 'X');
    ids.add('mx1', '<2@example.net>', 'C', T, 'A');
    expect(ids.find('mx1', '<2@example.net>', T)).toEqual([]);
  });
});

describe('filters on another address', () => {
  it('are known after a restart', () => {
    const clients = new RelayClients();
    clients.noteFilter('172.18.0.5');
    const saved = new Map(clients.takeChanges());
    expect(clients.takeChanges()).toEqual([]);
    const next = new RelayClients();
    next.load((name) => saved.get(name));
    expect(next.isFilter('172.18.0.5')).toBe(true);
    expect(next.isFilter('127.0.0.1')).toBe(true);
    expect(next.isFilter('172.18.0.6')).toBe(false);
  });

  it('are at most a hundred', () => {
    const clients = new RelayClients();
    for (let host = 0; host < 200; host++) clients.noteFilter(`10.0.0.${host}`);
    expect([...new Map(clients.takeChanges()).values()].flat()).toHaveLength(100);
  });
});
