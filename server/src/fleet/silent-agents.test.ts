/** When an agent that says nothing is trouble, and when not yet. */
import { expect, test } from 'vitest';
import type { Agent } from './store.ts';
import { orderName } from './orders.ts';
import { troubleOfAgents } from './silent-agents.ts';

const MINUTE = 60_000;
const NOW = Date.UTC(2025, 0, 1, 12);
const look = { nowMs: NOW, startedMs: NOW - 60 * MINUTE, known: new Set<string>() };

function agent(lastHeardMs: number | null, host = 'edge-1'): Agent {
  const known = { id: 'one', host, readyMs: null, version: '1', enrolledMs: NOW - 100 * MINUTE, dropped: 0 };
  return { ...known, lastHeardMs, lastSequence: { must: 0, may: 0 } };
}

test('an agent that was just heard, or never yet, is none', () => {
  expect(troubleOfAgents([agent(NOW - 4 * MINUTE), agent(null)], look)).toEqual([]);
});

test('one that fell silent is, for its host', () => {
  expect(troubleOfAgents([agent(NOW - 6 * MINUTE)], look)).toEqual([
    {
      key: 'agent:edge-1',
      summary: 'edge-1 is not watched: nothing came from its agent since 2025-01-01T11:54:00.000Z',
      class: 'Host no longer watched',
      account: 'edge-1',
    },
  ]);
});

test('a server that was away gives every agent its time again', () => {
  const started = { ...look, startedMs: NOW - MINUTE };
  expect(troubleOfAgents([agent(NOW - 30 * MINUTE)], started)).toEqual([]);
});

test('one that only takes orders watches nothing, and is none', () => {
  expect(troubleOfAgents([agent(NOW - 6 * MINUTE, orderName('edge-1'))], look)).toEqual([]);
});
