import type { Socket } from 'node:net';
import { CutpointError } from '@cutpoint/core';
import type { Due, ExactReader } from './exact-reader.js';
import type { RankSocket } from './rank-socket.js';
import type { Silences } from './silences.js';

/** A message: its kind, the number of the call it belongs to, the length of its payload, and that. */
export const headBytes = 12;

/** What comes next on a link must be of this kind, and belong to this call. */
export interface Expected {
  readonly kind: number;
  readonly call: number;
}

/** Why a link ended by itself: its other end is gone, or sent what it must not. */
export type LinkLoss = 'gone' | 'fault';

/** Messages to and from one other rank, of a length both know. */
export interface Pair {
  send(bytes: Uint8Array): void;
  receive(length: number): Promise<Uint8Array>;
}

/** More than this is not held for a rank that does not read. */
const mostUnsentBytes = 256 * 1024 ** 2;

/** A message with room for its payload: little-endian, as all platforms that onnxruntime runs on are. */
export function newMessage({ kind, call }: Expected, payloadBytes: number): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(headBytes + payloadBytes);
  writeHead(message, { kind, call }, payloadBytes);
  return message;
}

export function writeHead(message: Uint8Array, { kind, call }: Expected, payloadBytes: number): void {
  const view = new DataView(message.buffer, message.byteOffset, headBytes);
  view.setUint32(0, kind, true);
  view.setUint32(4, call, true);
  view.setUint32(8, payloadBytes, true);
}

export function rankLost(rank: number, why: string): CutpointError {
  return new CutpointError('CUT_RANK_LOST', `Rank ${rank} is lost: ${why}.`);
}

/** Messages to and from one other rank, whose kind, call and length both ends know beforehand. */
export class RankLink {
  readonly peer: number;
  readonly #socket: Socket;
  readonly #reader: ExactReader;
  readonly #onLost: (error: CutpointError, loss: LinkLoss) => void;
  readonly #describe: (kind: number) => string;
  readonly #silences: Silences | undefined;
  /** Of those that wait. */
  readonly #rejects = new Set<(error: Error) => void>();
  #ended: Error | undefined;
  #sentBytes = 0;
  #receivedBytes = 0;

  /** @param describe what a message of a kind is, in words. @param onLost called once, if the link breaks by itself. */
  constructor(
    peer: number,
    { socket, reader }: RankSocket,
    describe: (kind: number) => string,
    onLost: (error: CutpointError, loss: LinkLoss) => void,
    silences?: Silences,
  ) {
    this.peer = peer;
    this.#socket = socket;
    this.#reader = reader;
    this.#describe = describe;
    this.#onLost = onLost;
    this.#silences = silences;
    reader.onBytes = () => silences?.hear(peer);
    socket.on('error', (error) => this.#lose(`the connection failed: ${error.message}`));
    socket.on('close', () => this.#lose('it closed the connection'));
    if (socket.destroyed) queueMicrotask(() => this.#lose('it closed the connection'));
  }

  /** Something is due from the other end. */
  get isAwaited(): boolean {
    return this.#rejects.size > 0;
  }

  /** Nothing that was sent is held here any more. */
  get isSent(): boolean {
    return this.#socket.writableLength === 0;
  }

  /** Sends a whole message. Its bytes must not change until `isSent`. */
  send(message: Uint8Array): void {
    if (this.#ended !== undefined) return;
    this.#socket.write(message);
    this.#sentBytes += message.length;
    if (this.#socket.writableLength > mostUnsentBytes) this.#lose('it does not take what it is sent');
  }

  /** Since this was called last, heads included. */
  takeBytes(): { readonly sent: number; readonly received: number } {
    const taken = { sent: this.#sentBytes, received: this.#receivedBytes };
    this.#sentBytes = 0;
    this.#receivedBytes = 0;
    return taken;
  }

  /** Waits for the next message, and puts its payload, which has just this length, into an array. */
  receive(expected: Expected, into: Uint8Array): Promise<void> {
    return this.#wait((done) => this.#head(expected, into.length, into.length, () => into, done));
  }

  /** Waits for the next message, of up to so many bytes. */
  receiveUpTo(expected: Expected, mostBytes: number): Promise<Uint8Array<ArrayBuffer>> {
    let payload = new Uint8Array(0);
    const allocate = (bytes: number) => {
      payload = new Uint8Array(bytes);
      return payload;
    };
    return this.#wait((done) => this.#head(expected, 0, mostBytes, allocate, done)).then(() => payload);
  }

  /** Whatever waits rejects with the error. */
  end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#socket.destroy();
    for (const reject of this.#rejects) reject(error);
    this.#rejects.clear();
  }

  /** Sends what is unsent, and closes; after a second without progress all the same. */
  async close(error: Error): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const reject of this.#rejects) reject(error);
    this.#rejects.clear();
    await new Promise<void>((resolve) => {
      this.#socket.once('close', () => resolve());
      this.#socket.setTimeout(1_000, () => this.#socket.destroy());
      this.#socket.end(() => this.#socket.destroy());
    });
  }

  #wait(begin: (done: () => void) => Due): Promise<void> {
    const ended = this.#ended;
    if (ended !== undefined) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      if (this.#rejects.size === 0) this.#silences?.await(this.peer);
      this.#rejects.add(reject);
      const due = begin(() => {
        this.#rejects.delete(reject);
        if (this.#rejects.size === 0) this.#silences?.rest(this.peer);
        resolve();
      });
      this.#reader.read(due);
    });
  }

  #head(
    { kind, call }: Expected,
    least: number,
    most: number,
    place: (bytes: number) => Uint8Array,
    done: () => void,
  ): Due {
    const head = new Uint32Array(3);
    const finish = (): undefined => {
      this.#receivedBytes += headBytes + (head[2] ?? 0);
      done();
    };
    return {
      into: new Uint8Array(head.buffer),
      done: () => {
        const [isKind = 0, isCall = 0, bytes = 0] = head;
        if (isKind === kind && isCall === call && bytes >= least && bytes <= most) {
          return { into: place(bytes), done: finish };
        }
        const due = `${this.#describe(kind)} of call ${call} with ${least === most ? '' : 'up to '}${most} bytes was due`;
        this.#lose(`it sent ${this.#describe(isKind)} of call ${isCall} with ${bytes} bytes where ${due}`, 'fault');
        return undefined;
      },
    };
  }

  #lose(why: string, loss: LinkLoss = 'gone'): void {
    if (this.#ended !== undefined) return;
    const error = rankLost(this.peer, why);
    this.end(error);
    this.#onLost(error, loss);
  }
}
