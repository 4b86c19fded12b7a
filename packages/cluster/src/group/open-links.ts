import { setMaxListeners } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError, messageOf, systemReason } from '@cutpoint/core';
import type { DataPort, RankAddress } from './data-port.js';
import { dialRank, greetCaller, type Place } from './greet.js';
import type { RankSocket } from './rank-socket.js';

/** How many may be greeted at a time. */
const mostCallers = 64;
const redialMs = 50;

/**
 * Opens a socket to each other rank: higher ones are dialled, again and again until they are there, lower ones dial. So rank 0,
 * which is where a person is, need not be reachable.
 * Strangers are turned away and counted.
 * @param addresses of all ranks by rank; null for those that nobody dials. @param signal ends it; its reason is told.
 * @returns sockets by rank; none to the rank itself.
 * @throws CutpointError CUT_RANK_REFUSED, CUT_RANK_MISSING; nothing is left open.
 */
export async function openLinks(
  port: DataPort,
  place: Place,
  addresses: readonly (RankAddress | null)[],
  signal: AbortSignal,
): Promise<Map<number, RankSocket>> {
  const made = new Map<number, RankSocket>();
  const troubles = new Map<number, string>();
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  // Each link and each stranger listens.
  setMaxListeners(place.ranks + mostCallers, both);
  try {
    const dialled = addresses.map(async (address, to) => {
      if (to <= place.rank || address === null) return;
      made.set(to, await dialUntilThere(place, to, address, both, (why) => troubles.set(to, why)));
    });
    await Promise.all([...dialled, hearLowerRanks(port, place, made, troubles, both)]);
    return made;
  } catch (thrown) {
    stop.abort();
    for (const { socket } of made.values()) socket.destroy();
    if (thrown instanceof CutpointError) throw thrown;
    throw missing(place, made, troubles, messageOf(thrown));
  }
}

async function dialUntilThere(
  place: Place,
  to: number,
  address: RankAddress,
  signal: AbortSignal,
  onTrouble: (why: string) => void,
): Promise<RankSocket> {
  for (;;) {
    try {
      return await dialRank(place, to, address, signal);
    } catch (thrown) {
      if (thrown instanceof CutpointError) throw thrown;
      if (signal.aborted) throw new Error(messageOf(signal.reason));
      onTrouble(`${address.host}:${address.port}: ${systemReason(thrown)}`);
      await sleep(redialMs);
    }
  }
}

const strangers = -1;

function hearLowerRanks(
  port: DataPort,
  place: Place,
  made: Map<number, RankSocket>,
  troubles: Map<number, string>,
  signal: AbortSignal,
): Promise<void> {
  const due = place.rank;
  if (due === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    let here = 0;
    let greeting = 0;
    let turnedAway = 0;
    const onStranger = (why: string): void => {
      turnedAway++;
      troubles.set(strangers, `${turnedAway} others were turned away, the last because ${why}`);
    };
    signal.addEventListener('abort', () => reject(new Error(messageOf(signal.reason))), { once: true });
    port.start((caller: Socket) => {
      if (greeting >= mostCallers || signal.aborted) {
        caller.destroy();
        onStranger('too many came at once');
        return;
      }
      greeting++;
      greetCaller(caller, place, (from) => !made.has(from), signal)
        .then(
          ({ from, made: link }) => {
            made.set(from, link);
            here++;
            if (here === due) resolve();
          },
          (thrown: unknown) => onStranger(messageOf(thrown)),
        )
        .finally(() => {
          greeting--;
        });
    });
  });
}

function missing(
  { rank, ranks }: Place,
  made: ReadonlyMap<number, RankSocket>,
  troubles: ReadonlyMap<number, string>,
  why: string,
): CutpointError {
  const absent = Array.from({ length: ranks }, (_, other) => other).filter(
    (other) => other !== rank && !made.has(other),
  );
  const each = absent.map((other) => {
    const trouble = troubles.get(other);
    if (trouble !== undefined) return `rank ${other} at ${trouble}`;
    return other < rank ? `rank ${other} has not dialled rank ${rank}` : `rank ${other} has not answered`;
  });
  const turnedAway = troubles.get(strangers);
  const told = turnedAway === undefined ? '' : ` ${turnedAway}.`;
  return new CutpointError('CUT_RANK_MISSING', `Not all ranks came together: ${each.join('; ')}. ${why}${told}`);
}
