import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { CutpointError } from '@cutpoint/core';
import { checkPrototypes, type FuzzKind, type FuzzTarget } from '../../../core/src/fuzzing.testing.js';
import { joined, pick, pieces, type Random } from '../../../core/src/mutating.testing.js';
import { openBroker } from '../broker/broker.js';
import { openConnection } from '../connection/connection.js';
import { deviceId } from '../ids.js';
import { fleetRoot, ownChannels, readTopic, topicOf } from '../topics.js';
import { attackers, changedPacket, connectPacket, fleet, pingPacket, walkPackets } from './packets.testing.js';

const witness = deviceId.parse('witness');
const server = deviceId.parse('server');
const longestMs = 5_000;
const longestFill = 2_000;

/** The broker as a server opens it, on real sockets, beside a server and a device that are to notice nothing. */
export const brokerKinds: readonly FuzzKind[] = [{ name: 'broker', weight: 0.4, open: openTarget }];

async function openTarget(): Promise<FuzzTarget> {
  let defect: CutpointError | undefined;
  const broker = await openBroker({
    fleet,
    listen: { host: '127.0.0.1', port: 0 },
    // Nobody is slowed down, so that more is tried in the time.
    limits: { packetsPerSecond: 1e9, bytesPerSecond: 1e12 },
    onRefused: ({ error }) => {
      if (error.code === 'CUT_INTERNAL') defect = error;
    },
  });
  const heard = { wrong: undefined as string | undefined, own: 0 };
  const join = (device: string, more = {}) =>
    openConnection({ url: broker.url, device, onProblem() {}, keepAliveSeconds: 30, ...more });
  const leader = join(server, { password: broker.serverPassword });
  const bystander = join(witness);
  leader.subscribe([`${fleetRoot(fleet)}#`], ({ topic }) => {
    if (topic === topicOf(fleet, witness, 'telemetry')) heard.own++;
    else if (!mayComeOf(topic)) heard.wrong = topic;
  });
  const signal = AbortSignal.timeout(longestMs);
  await Promise.all([leader.untilUp(signal), bystander.untilUp(signal)]);
  const attacker = new Attacker(new URL(broker.url));
  return {
    attempt: (random) => attacker.attempt(random),
    async check() {
      checkPrototypes();
      if (defect !== undefined) throw defect;
      if (heard.wrong !== undefined) throw new Error(`an attacker published to ${heard.wrong}`);
      if (!leader.connected || !bystander.connected) throw new Error('somebody else lost the broker');
      const before = heard.own;
      await bystander.publish(topicOf(fleet, witness, 'telemetry'), { beat: 1 }, { acknowledged: true });
      await until(() => heard.own > before, 'the broker serves others');
      attacker.leave();
      await until(() => broker.clientCount === 2, 'the broker lets go of those that left');
    },
    async [Symbol.asyncDispose]() {
      attacker.leave();
      for (const connection of [leader, bystander]) await connection[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** True for what devices may publish themselves: nothing that servers say, and nothing of the witness. */
function mayComeOf(topic: string): boolean {
  const parts = readTopic(topic);
  if (parts?.kind === 'tensors') return parts.from !== witness;
  return parts?.kind === 'channel' && parts.device !== witness && ownChannels.includes(parts.channel);
}

/** One connection after the other: each lasts until the broker ends it. */
class Attacker {
  readonly #port: number;
  #socket: Socket | undefined;
  #device = attackers[0] ?? witness;
  #answers = 0;

  constructor({ port }: URL) {
    this.#port = Number(port);
  }

  leave(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  /** Sends a changed packet and then a ping: it is answered, or the connection ends. */
  async attempt(random: Random): Promise<string> {
    const socket = this.#socket ?? (await this.#connect(random));
    const packets = completed(changedPacket(this.#device, random));
    for (const chunk of pieces(packets.bytes, random)) socket.write(chunk);
    const before = this.#answers;
    if (packets.whole) socket.write(pingPacket);
    else socket.end();
    await until(() => socket.destroyed || this.#answers > before, 'the broker answers or hangs up');
    if (!socket.destroyed && packets.whole) return 'taken';
    this.leave();
    return packets.whole ? 'dropped' : 'left in the middle';
  }

  async #connect(random: Random): Promise<Socket> {
    this.#device = pick(attackers, random);
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => socket.destroy());
    // An answer to a ping; others may hold the same bytes, and are then counted as one.
    socket.on('data', (chunk) => {
      if (chunk.includes(Buffer.from([0xd0, 0x00]))) this.#answers++;
    });
    await once(socket, 'connect');
    if (random(4) > 0) socket.write(connectPacket(this.#device));
    this.#socket = socket;
    return socket;
  }
}

/** What announces more than it is is filled up, if it is not too much: else whoever sent it leaves. */
function completed(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly whole: boolean } {
  const walked = walkPackets(bytes);
  if (walked === undefined || walked.missing === 0) return { bytes, whole: true };
  if (walked.missing > longestFill) return { bytes, whole: false };
  return completed(joined(bytes, new Uint8Array(walked.missing)));
}

async function until(so: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + longestMs;
  while (!so()) {
    if (performance.now() > endMs) throw new Error(`in vain waited until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
