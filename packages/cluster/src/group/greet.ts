import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { CutpointError, messageOf, onCancel } from '@cutpoint/core';
import { encryptDialled, encryptDialling } from './encrypt-socket.js';
import type { ExactReader } from './exact-reader.js';
import {
  type ClusterSecret,
  decodeHello,
  encodeHello,
  encodeReply,
  helloBytes,
  isProof,
  judgeHello,
  nonceBytes,
  proofBytes,
  proofOf,
  protocolVersion,
  refusalIn,
  replyBytes,
  type Status,
} from './hello.js';
import { connectingSocket, type RankSocket, readingSocket } from './rank-socket.js';

/** Who a rank is in its cluster. */
export interface Place {
  readonly rank: number;
  readonly ranks: number;
  readonly secret: ClusterSecret;
  /** Whether what ranks say after their greetings is encrypted; the same at all. */
  readonly encrypts: boolean;
}

/** How long one side may take to greet. */
export const greetingMs = 5_000;

/**
 * Connects to a higher rank, and has both show that they know the key.
 * @throws CutpointError CUT_RANK_REFUSED if it answers and does not want this rank, or does not know the key itself; any
 * other error if it cannot be reached, which may change.
 */
export async function dialRank(
  { rank, ranks, secret, encrypts }: Place,
  to: number,
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<RankSocket> {
  const made = encrypts ? readingSocket(net.connect({ host, port })) : connectingSocket(host, port);
  const { socket, reader } = made;
  try {
    return await within(socket, signal, async () => {
      await once(socket, 'connect');
      const hello = encodeHello(
        { version: protocolVersion, ranks, from: rank, to, id: secret.id },
        randomBytes(nonceBytes),
      );
      socket.write(hello);
      const challenge = await exactly(reader, replyBytes);
      requireWelcome(challenge, to);
      const nonce = challenge.subarray(1);
      socket.write(proofOf(secret.key, 'dialler', hello, nonce));
      const answer = await exactly(reader, replyBytes);
      requireWelcome(answer, to);
      if (!isProof(answer.subarray(1), proofOf(secret.key, 'dialled', hello, nonce))) {
        throw refused(to, 'it does not know the key');
      }
      return encrypts ? await encryptDialling(made, secret) : made;
    });
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  }
}

/**
 * Hears who connected. Whoever is not a lower rank of this cluster, or one that `isFree` denies, is turned away.
 * @throws Error that says why it was; the socket is closed.
 */
export async function greetCaller(
  caller: Socket,
  { rank, ranks, secret, encrypts }: Place,
  isFree: (from: number) => boolean,
  signal: AbortSignal,
): Promise<{ readonly from: number; readonly made: RankSocket }> {
  const made = readingSocket(caller);
  const turnAway = (status: Status, why: string): Error => {
    caller.end(encodeReply(status, new Uint8Array(0)));
    return new Error(why);
  };
  try {
    return await within(caller, signal, async () => {
      const bytes = await exactly(made.reader, helloBytes);
      const hello = decodeHello(bytes);
      if (hello === undefined) throw new Error('it does not speak the protocol between ranks');
      const status = judgeHello(hello, { ranks, to: rank, id: secret.id });
      if (status !== 'welcome') throw turnAway(status, callerFaults[status]);
      if (!isFree(hello.from)) throw turnAway('rank', callerFaults.rank);
      const nonce = randomBytes(nonceBytes);
      caller.write(encodeReply('welcome', nonce));
      const proof = await exactly(made.reader, proofBytes);
      if (!isProof(proof, proofOf(secret.key, 'dialler', bytes, nonce))) throw turnAway('key', callerFaults.key);
      if (!isFree(hello.from)) throw turnAway('rank', callerFaults.rank);
      caller.write(encodeReply('welcome', proofOf(secret.key, 'dialled', bytes, nonce)));
      return { from: hello.from, made: encrypts ? await encryptDialled(made, secret) : made };
    });
  } catch (thrown) {
    // What was written still goes out; one that does not read it is not waited for.
    if (caller.writableEnded) caller.setTimeout(1_000, () => caller.destroy());
    else caller.destroy();
    throw thrown;
  }
}

const callerFaults = {
  version: 'it speaks another version of the protocol between ranks',
  cluster: 'it belongs to another cluster',
  ranks: 'it counts another number of ranks',
  rank: 'it is not a rank that is due here',
  key: 'it does not know the key',
} as const satisfies Record<Exclude<Status, 'welcome'>, string>;

/** Runs a step that ends early if the socket does, the signal aborts, or it takes too long. */
async function within<T>(socket: Socket, signal: AbortSignal, step: () => Promise<T>): Promise<T> {
  let fail: (error: Error) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const onError = (error: Error): void => fail(error);
  const onClose = (): void => fail(new Error('the connection was closed before both sides had greeted'));
  const timer = setTimeout(() => fail(new Error(`nothing was heard for ${greetingMs} ms`)), greetingMs);
  socket.on('error', onError);
  socket.on('close', onClose);
  const cancellation = onCancel(signal, () => fail(new Error(messageOf(signal.reason))));
  try {
    return await Promise.race([step(), failed]);
  } finally {
    clearTimeout(timer);
    cancellation[Symbol.dispose]();
    socket.off('close', onClose);
    // The listener for errors stays: one that comes before the next listens must not end the process.
  }
}

function exactly(reader: ExactReader, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve) => {
    const into = new Uint8Array(bytes);
    reader.read({
      into,
      done: () => {
        resolve(into);
        return undefined;
      },
    });
  });
}

function requireWelcome(reply: Uint8Array, from: number): void {
  const why = refusalIn(reply);
  if (why !== undefined) throw refused(from, why);
}

function refused(rank: number, why: string): CutpointError {
  return new CutpointError('CUT_RANK_REFUSED', `Rank ${rank} and this one do not belong together: ${why}.`);
}
