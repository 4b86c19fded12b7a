import { createHmac, timingSafeEqual } from 'node:crypto';

/** What the ranks of one cluster share, and nobody else knows. */
export interface ClusterSecret {
  /** 16 random bytes, others for each time that a cluster is formed. */
  readonly id: Uint8Array;
  /** 32 random bytes. */
  readonly key: Uint8Array;
}

/** What a rank says first to one that it dials. */
export interface Hello {
  readonly version: number;
  readonly ranks: number;
  readonly from: number;
  readonly to: number;
  readonly id: Uint8Array;
}

export const protocolVersion = 1;
export const nonceBytes = 32;
export const helloBytes = 60;
/** A status, and a nonce or proof of 32 bytes. */
export const replyBytes = 33;
export const proofBytes = 32;

/** What one that is dialled answers; other than `welcome`, it ends the connection. */
export const statuses = {
  welcome: 0,
  version: 1,
  cluster: 2,
  ranks: 3,
  rank: 4,
  key: 5,
} as const;
export type Status = keyof typeof statuses;

const magic = 0x52545543;

export function encodeHello({ version, ranks, from, to, id }: Hello, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(helloBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  for (const [i, value] of [version, ranks, from, to].entries()) view.setUint16(4 + 2 * i, value, true);
  bytes.set(id, 12);
  bytes.set(nonce, 28);
  return bytes;
}

/** Undefined if the bytes are not a hello at all. */
export function decodeHello(bytes: Uint8Array): Hello | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, helloBytes);
  if (view.getUint32(0, true) !== magic) return undefined;
  return {
    version: view.getUint16(4, true),
    ranks: view.getUint16(6, true),
    from: view.getUint16(8, true),
    to: view.getUint16(10, true),
    id: bytes.slice(12, 28),
  };
}

/** What is wrong with a hello for the rank that reads it. */
export function judgeHello(hello: Hello, { ranks, to, id }: Pick<Hello, 'ranks' | 'to' | 'id'>): Status {
  if (hello.version !== protocolVersion) return 'version';
  if (!timingSafeEqual(hello.id, id)) return 'cluster';
  if (hello.ranks !== ranks) return 'ranks';
  return hello.to === to && hello.from < to ? 'welcome' : 'rank';
}

/** Shows knowledge of the key. The two sides' differ, so that neither can be had from the other. */
export function proofOf(key: Uint8Array, side: 'dialler' | 'dialled', hello: Uint8Array, nonce: Uint8Array): Buffer {
  return createHmac('sha256', key).update(side).update(hello).update(nonce).digest();
}

export function isProof(bytes: Uint8Array, should: Uint8Array): boolean {
  return timingSafeEqual(bytes, should);
}

export function encodeReply(status: Status, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const reply = new Uint8Array(replyBytes);
  reply[0] = statuses[status];
  reply.set(bytes, 1);
  return reply;
}

/** @returns why the other side ends the connection, if it does. */
export function refusalIn(reply: Uint8Array): string | undefined {
  switch (reply[0]) {
    case statuses.welcome:
      return undefined;
    case statuses.version:
      return 'it speaks another version of the protocol between ranks; install the same version of Cutpoint on both';
    case statuses.cluster:
      return 'it belongs to another cluster, or to one formed at another time';
    case statuses.ranks:
      return 'it counts another number of ranks';
    case statuses.rank:
      return 'it is another rank than was thought, or has a connection to this rank already';
    case statuses.key:
      return 'it has another key';
    default:
      return 'its answer is not one of a rank';
  }
}
