/** What is remembered of content filters: it outlives a restart where it must, and is bounded whatever a log says. */
import { describe, expect, it } from 'vitest';
import { Departed } from '../../src/correlate/departed.ts';
import { newMessage } from '../../src/correlate/message.ts';
import { MessageIds } from '../../src/correlate/message-ids.ts';
import { RelayClients } from '../../src/correlate/trust.ts';

const T = Date.parse('2026-11-01T09:05:07Z');

function piped(queueId: string, sender = 'alice@example.net') {
  return { ...newMessage('mx1', queueId, T, 'submitted'), sender, piped: 1 };
}

describe('messages that have left by pipe', () => {
  it('are known for a minute, and for as many as they went out as', () => {
    const departed = new Departed();
    const message = piped('1');
    departed.add(message, T);
    expect(departed.find('mx1', '1', T + 59_999)).toMatchObject({ queueId: '1' });
    expect(departed.find('mx1', '1', T + 60_000)).toBeUndefined();
    expect(departed.find('mx2', '1', T)).toBeUndefined();
    departed.cameBack(message);
    expect(departed.find('mx1', '1', T)).toBeUndefined();
  });

  it('are not remembered without a pipe, nor with what no mail has', () => {
    const departed = new Departed();
    departed.add({ ...piped('1'), piped: 0 }, T);
    departed.add(piped('2', 'a'.repeat(60_000)), T);
    expect(departed.find('mx1', '1', T)).toBeUndefined();
    expect(departed.find('mx1', '2', T)).toBeUndefined();
  });

  it('are bounded: the oldest make way, the newest stay', () => {
    const departed = new Departed();
    for (let id = 0; id < 5000; id++) departed.add(piped(`${id}`), T);
    const known = Array.from({ length: 5000 }, (_, id) => departed.find('mx1', `${id}`, T));
    expect(known.filter((message) => message !== undefined).length).toBeLessThanOrEqual(2000);
    expect(known.at(-1)).toBeDefined();
    expect(known[0]).toBeUndefined();
  });
});

describe('bearers of a Message-ID', () => {
  it('are the first queue ID and the last that is known to continue it', () => {
    const ids = new MessageIds();
    ids.add('mx1', '<1@example.net>', 'A', T);
    ids.add('mx1', '<1@example.net>', 'B', T, 'A');
    expect(ids.bearers('mx1', '<1@example.net>', T)).toEqual(['A', 'B']);
    ids.add('mx1', '<1@example.net>', 'C', T, 'B');
    expect(ids.bearers('mx1', '<1@example.net>', T)).toEqual(['A', 'C']);
  });

  it('are nobody when another message has it, and when the first is ten minutes old', () => {
    const ids = new MessageIds();
    ids.add('mx1', '<1@example.net>', 'A', T);
    ids.add('mx1', '<1@example.net>', 'B', T + 540_000, 'A');
    expect(ids.bearers('mx1', '<1@example.net>', T + 600_000)).toEqual([]);
    ids.add('mx1', '<2@example.net>', 'A', T);
    ids.add('mx1', '<2@example.net>', 'B', T, 'X');
    ids.add('mx1', '<2@example.net>', 'C', T, 'A');
    expect(ids.bearers('mx1', '<2@example.net>', T)).toEqual([]);
  });
});

describe('filters on an address of their own', () => {
  it('are known after a restart', () => {
    const trust = new RelayClients();
    trust.sawFilter('172.18.0.5');
    const saved = new Map(trust.takeChanges());
    expect(trust.takeChanges()).toEqual([]);
    const next = new RelayClients();
    next.load((name) => saved.get(name));
    expect(next.isFilter('172.18.0.5')).toBe(true);
    expect(next.isFilter('127.0.0.1')).toBe(true);
    expect(next.isFilter('172.18.0.6')).toBe(false);
  });

  it('are at most a hundred', () => {
    const trust = new RelayClients();
    for (let host = 0; host < 200; host++) trust.sawFilter(`10.0.0.${host}`);
    expect([...new Map(trust.takeChanges()).values()].flat()).toHaveLength(100);
  });
});
