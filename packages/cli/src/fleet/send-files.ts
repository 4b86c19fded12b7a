import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { type ContentHash, contentHash } from '@cutpoint/control/client';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import { maxPartBytes, type UploadView, uploadView } from '@cutpoint/server/client';
import type { Progress } from '../output/progress.js';
import { formatBytes } from '../output/units.js';
import type { ServerApi } from './server-api.js';

/** A part has to arrive within the time that the server gives a request. */
const partBytes = maxPartBytes / 2;
const partMs = 60_000;
/** How often it is asked anew where a file goes on, before somebody else is assumed to send it. */
const mostConflicts = 3;

export interface SentFile {
  readonly hash: ContentHash;
  readonly bytes: number;
  /** What of it had to be sent. */
  readonly sentBytes: number;
}

/**
 * Sends a file to the server, from where an earlier attempt ended; not at all if the server has it.
 * @throws CutpointError CUT_FILE_NOT_FOUND; what `ServerApi.ask` throws.
 */
export async function sendFile(api: ServerApi, path: string, progress: Progress): Promise<SentFile> {
  const { hash, bytes } = await hashFile(path);
  const address = `/v1/files/${hash}`;
  const look = () => api.ask({ method: 'GET', path: address, answer: uploadView });
  let state = await look();
  let sentBytes = 0;
  let conflicts = 0;
  while (!state.complete) {
    const from: number = state.receivedBytes;
    const to = Math.min(bytes, from + partBytes);
    progress.show(`sending ${basename(path)}, ${formatBytes(from)} of ${formatBytes(bytes)}`);
    try {
      const query = `?offset=${from}&bytes=${bytes}`;
      const part = { path, from, to };
      state = await api.ask<UploadView>({
        method: 'PUT',
        path: address + query,
        part,
        answer: uploadView,
        waitMs: partMs,
      });
      sentBytes += to - from;
    } catch (thrown) {
      conflicts += 1;
      if (asCutpointError(thrown, 'CUT_INTERNAL').code !== 'CUT_CONFLICT' || conflicts > mostConflicts) throw thrown;
      state = await look();
    }
  }
  return { hash, bytes, sentBytes };
}

async function hashFile(path: string): Promise<{ hash: ContentHash; bytes: number }> {
  const digest = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path)) {
      digest.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (cause) {
    throw asCutpointError(cause, 'CUT_FILE_NOT_FOUND', `${path} cannot be read`);
  }
  if (bytes === 0) throw new CutpointError('CUT_FILE_NOT_FOUND', `${path} is empty.`);
  return { hash: contentHash.parse(digest.digest('hex')), bytes };
}
