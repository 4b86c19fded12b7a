import { CutpointError } from '@cutpoint/core';

/** Reads the body of an answer into memory from a place on, and gives the place behind it. @throws CutpointError CUT_CONTENT */
export async function readInto(
  { body }: Response,
  into: Uint8Array,
  from: number,
  onBytes: ((bytes: number) => void) | undefined,
): Promise<number> {
  let at = from;
  const reader = body?.getReader();
  for (;;) {
    const { done = true, value } = (await reader?.read()) ?? {};
    if (done || value === undefined) return at;
    if (at + value.length > into.length) {
      await reader?.cancel();
      throw new CutpointError('CUT_CONTENT', 'The server sends more than the file has.');
    }
    into.set(value, at);
    at += value.length;
    onBytes?.(at);
  }
}
