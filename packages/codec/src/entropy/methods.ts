import { damaged } from '../bytes.js';

/** How symbols were coded: the first byte. */
const methods = ['verbatim', 'learnt', 'fixed', 'fixedByClass', 'fixedByNeighbours', 'fixedByBoth'] as const;
export type Method = (typeof methods)[number];

/** The byte of a method. */
export function byteOf(method: Method): number {
  return methods.indexOf(method);
}

/** The method of a byte. @throws CutpointError CUT_CODEC_PAYLOAD if it is none. */
export function methodOf(byte: number | undefined): Method {
  const method = methods[byte ?? methods.length];
  if (method === undefined) throw damaged('names no known way of coding symbols');
  return method;
}

/** The byte of the method whose distributions depend on this. */
export function fixedMethodOf(byClass: boolean, byNeighbours: boolean): number {
  return byteOf('fixed') + (byClass ? 1 : 0) + (byNeighbours ? 2 : 0);
}

/** Bytes behind that of a method. */
export function withMethod(method: Method, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = byteOf(method);
  bytes.set(body, 1);
  return bytes;
}
