import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { openAlarm } from './alarm.js';
import { createDirection, type Direction, seededRandom } from './direction.js';
import { Lane, type LaneStats } from './lane.js';
import type { LinkParameters, Trace } from './link-parameters.js';

export interface RelaySettings {
  readonly target: { readonly host: string; readonly port: number };
  readonly parameters: LinkParameters;
  readonly trace?: Trace | undefined;
  readonly seed: number;
}

export interface RelayStats {
  readonly up: LaneStats;
  readonly down: LaneStats;
}

/** A link as a TCP relay on loopback: what connects to its port speaks to the target, over a line with these figures. */
export interface Relay {
  readonly port: number;
  set(parameters: LinkParameters): void;
  stats(): RelayStats;
  close(): Promise<void>;
}

/** Opens a relay in this process. Its timing is only as good as the event loop is idle: give it a process of its own. */
export async function openRelay({ target, parameters, trace, seed }: RelaySettings): Promise<Relay> {
  const { retransmitMs } = parameters;
  const roundTripMs = (): number => up.at(0).delayMs + down.at(0).delayMs;
  const direction = (own: LinkParameters['up'], offset: number): Direction =>
    createDirection(own, { random: seededRandom(seed + offset), roundTripMs, trace, retransmitMs });
  const up = direction(parameters.up, 0);
  const down = direction(parameters.down, 1);
  const lanes = { up: new Lane(up, await openAlarm()), down: new Lane(down, await openAlarm()) };
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ ...target, allowHalfOpen: true, noDelay: true });
    pair(near, far);
    lanes.up.carry(near, far);
    lanes.down.carry(far, near);
  });
  const pair = (near: Socket, far: Socket): void => {
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      // A connection that breaks on one side is broken on the other; the device at that side says so.
      socket.on('error', () => other.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      up.set(next.up);
      down.set(next.down);
    },
    stats: () => ({ up: lanes.up.stats(), down: lanes.down.stats() }),
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all([closed, lanes.up.close(), lanes.down.close()]);
    },
  };
}
