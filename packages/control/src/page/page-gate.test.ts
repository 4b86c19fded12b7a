import { afterEach, expect, it } from 'vitest';
import { deviceId, fleetId } from '../ids.js';
import { PageGate } from './page-gate.js';
import type { PageSocketEvents } from './page-socket.js';

const gates: PageGate[] = [];
afterEach(async () => {
  for (const gate of gates.splice(0)) await gate[Symbol.asyncDispose]();
});

function openGate(): PageGate {
  const gate = new PageGate({
    fleet: fleetId.parse('home'),
    self: deviceId.parse('server'),
    pairing: undefined,
    connect: () => {
      throw new Error('Nobody is let in here.');
    },
    onPage: () => {},
    onProblem: () => {},
    maxStrangers: 3,
  });
  gates.push(gate);
  return gate;
}

interface Stranger {
  readonly events: PageSocketEvents;
  readonly said: string[];
  closed: boolean;
}

function comes(gate: PageGate, from: string): Stranger {
  const said: string[] = [];
  const stranger: Partial<Stranger> = { said, closed: false };
  const close = () => {
    stranger.closed = true;
  };
  const socket = { send: (text: string) => void said.push(JSON.parse(text).type), close, waitingBytes: 0 };
  return Object.assign(stranger as Stranger, { events: gate.take(socket, from) });
}

it('drops the connection that was silent longest of a network, and greets the one that comes', () => {
  const gate = openGate();
  const silent = Array.from({ length: 4 }, () => comes(gate, '192.0.2.1'));
  expect(silent.map(({ closed }) => closed)).toEqual([true, false, false, false]);
  expect(silent[3]?.said).toEqual(['challenge']);
  expect(silent[0]?.said).toEqual(['challenge', 'refused']);
});

it('drops nobody of another network, and counts the addresses of one IPv6 network as one', () => {
  const gate = openGate();
  const others = [comes(gate, '192.0.2.1'), comes(gate, '192.0.2.2')];
  const silent = Array.from({ length: 10 }, (_, i) => comes(gate, `2001:db8::${i + 1}`));
  expect(others.some(({ closed }) => closed)).toBe(false);
  expect(silent.filter(({ closed }) => !closed)).toHaveLength(3);
});
