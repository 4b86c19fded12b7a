import { CutpointError, messageOf, throwIfCancelled } from '@cutpoint/core';
import { sha256 as sha256Of } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { type KeptFiles, pieceBytes } from './kept-files.js';

/** A file that a server has by its hash. */
export interface WantedFile {
  readonly sha256: string;
  readonly bytes: number;
}

export interface FetchSource {
  /** Where files are found, followed by their hashes. */
  readonly url: string;
  readonly token: string | undefined;
  readonly files: KeptFiles;
  /** Hears of bytes that have come, or were there. */
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** A connection that gives nothing for so long is made anew. */
const idleMs = 20_000;
const firstPauseMs = 500;
/** So many connections may give nothing one after another. */
const mostFailures = 5;

/**
 * A file from what is kept, or from the server: what is missing of it is fetched, checked and kept, and goes on behind what
 * has come where a connection breaks.
 * @throws CutpointError CUT_UNREACHABLE, CUT_UNAUTHORISED, CUT_FORBIDDEN, CUT_CONTENT if the server does not have it or gives something else
 * than the hash says, what the signal says.
 */
export async function fetchFile({ sha256, bytes }: WantedFile, source: FetchSource): Promise<Blob> {
  const { files, onBytes, signal } = source;
  const kept = await files.get(sha256);
  const have = kept.pieces.reduce((sum, piece) => sum + piece.size, 0);
  if (kept.whole && have === bytes) {
    onBytes(bytes);
    return new Blob([...kept.pieces]);
  }
  // Only whole pieces count: the last of a file is kept when the file is complete.
  const pieces = kept.pieces.slice(0, Math.floor(bytes / pieceBytes)).filter(({ size }) => size === pieceBytes);
  const hash = sha256Of.create();
  for (const piece of pieces) {
    hash.update(new Uint8Array(await piece.arrayBuffer()));
    onBytes(piece.size);
    throwIfCancelled(signal);
  }
  const missing = missingPieces({ sha256, bytes }, pieces.length * pieceBytes, source);
  for await (const piece of missing) {
    hash.update(piece);
    const blob = new Blob([piece]);
    await files.addPiece(sha256, pieces.length, blob);
    pieces.push(blob);
  }
  if (bytesToHex(hash.digest()) !== sha256) {
    await files.forget(sha256);
    const message = `A file of ${bytes} bytes is not what its hash ${sha256.slice(0, 12)} says: the server gave other bytes, or the browser kept others. Try again.`;
    throw new CutpointError('CUT_CONTENT', message);
  }
  await files.complete(sha256);
  return new Blob(pieces);
}

/** The rest of a file, piece by piece, over as many connections as it takes. */
async function* missingPieces(
  { sha256, bytes }: WantedFile,
  from: number,
  source: FetchSource,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let start = from;
  for (let failures = 0; start < bytes; ) {
    try {
      for await (const piece of piecesFrom(start, { sha256, bytes }, source)) {
        yield piece;
        start += piece.length;
        failures = 0;
      }
    } catch (thrown) {
      throwIfCancelled(source.signal);
      // A server that answers knows what it says; a connection that breaks says nothing.
      if (thrown instanceof CutpointError && thrown.code !== 'CUT_UNREACHABLE') throw thrown;
      failures += 1;
      if (failures > mostFailures) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, firstPauseMs * failures));
    }
  }
}

/** Pieces of one answer. Each has come wholly before it is given, and none is longer than a piece. */
async function* piecesFrom(
  start: number,
  { sha256, bytes }: WantedFile,
  source: FetchSource,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const idle = new AbortController();
  let timer = setTimeout(() => idle.abort(), idleMs);
  const reader = await openAnswer(start, sha256, source, AbortSignal.any([source.signal, idle.signal]));
  let at = start;
  let filled = 0;
  try {
    let piece = new Uint8Array(Math.min(pieceBytes, bytes - at));
    while (at < bytes) {
      const { done, value } = await reader.read();
      if (done) throw new CutpointError('CUT_UNREACHABLE', 'The server ended a file before its end.');
      clearTimeout(timer);
      timer = setTimeout(() => idle.abort(), idleMs);
      source.onBytes(value.length);
      for (let taken = 0; taken < value.length; ) {
        if (at >= bytes) throw new CutpointError('CUT_CONTENT', 'The server gave more than the file has bytes.');
        const part = value.subarray(taken, taken + piece.length - filled);
        piece.set(part, filled);
        filled += part.length;
        taken += part.length;
        if (filled < piece.length) break;
        yield piece;
        at += piece.length;
        piece = new Uint8Array(Math.min(pieceBytes, bytes - at));
        filled = 0;
      }
    }
  } catch (thrown) {
    // What has come of a piece that is not whole has to come again.
    source.onBytes(-filled);
    throw asLost(thrown);
  } finally {
    clearTimeout(timer);
    await reader.cancel().catch(() => undefined);
  }
}

async function openAnswer(start: number, sha256: string, { url, token }: FetchSource, signal: AbortSignal) {
  const headers = {
    range: `bytes=${start}-`,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const response = await fetch(`${url}${sha256}`, { headers, signal, cache: 'no-store' }).catch((thrown: unknown) => {
    throw asLost(thrown);
  });
  const whole = start === 0 && response.status === 200;
  if ((whole || response.status === 206) && response.body !== null) return response.body.getReader();
  await response.body?.cancel();
  throw refusal(response.status, sha256);
}

function refusal(status: number, sha256: string): CutpointError {
  const text = `The server answers with status ${status} when it is asked for the file ${sha256.slice(0, 12)}.`;
  if (status === 401) return new CutpointError('CUT_UNAUTHORISED', text);
  if (status === 403) return new CutpointError('CUT_FORBIDDEN', text);
  if (status === 429 || status >= 500) return new CutpointError('CUT_UNREACHABLE', text);
  return new CutpointError('CUT_CONTENT', `${text} It may serve another model now: reload the page.`);
}

function asLost(thrown: unknown): CutpointError {
  if (thrown instanceof CutpointError) return thrown;
  const message = `A file of the server could not be fetched: ${messageOf(thrown)}.`;
  return new CutpointError('CUT_UNREACHABLE', message, { cause: thrown });
}
