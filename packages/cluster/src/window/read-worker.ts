import { parentPort } from 'node:worker_threads';
import { asCutpointError } from '@cutpoint/core';
import { SpanReader } from './direct-read.js';
import type { ReadAnswer, ReadRequest } from './read-protocol.js';

const reader = new SpanReader();

parentPort?.on('message', ({ id, path, offset, bytes, buffer }: ReadRequest) => {
  const from = performance.now();
  try {
    const { start } = reader.read(path, offset, bytes, buffer);
    post({ kind: 'read', id, start, readMs: performance.now() - from });
  } catch (thrown) {
    const { code, message } = asCutpointError(thrown, 'CUT_FILE_NOT_FOUND');
    post({ kind: 'failed', id, code, message });
  }
});

function post(answer: ReadAnswer): void {
  parentPort?.postMessage(answer);
}
