import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CutpointError } from '@cutpoint/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FetchSource, fetchFile } from './fetch-file.js';
import { type KeptFiles, pieceBytes } from './kept-files.js';
import { memoryFiles } from './memory-files.js';

const contents = randomBytes(2 * pieceBytes + 1000);
const file = { sha256: createHash('sha256').update(contents).digest('hex'), bytes: contents.length };

/** From where on a request wants the file. */
const startOf = ({ headers }: IncomingMessage) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1]);

function sendFrom(start: number, response: ServerResponse, to = contents.length): void {
  response.writeHead(start === 0 ? 200 : 206, { 'content-length': contents.length - start });
  response.write(contents.subarray(start, to));
  if (to === contents.length) response.end();
}

describe('fetching a file by its hash', () => {
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let starts: number[];
  let files: KeptFiles;
  let counted: number;

  beforeEach(async () => {
    starts = [];
    counted = 0;
    files = memoryFiles();
    answer = (request, response) => sendFrom(startOf(request), response);
    server = createServer((request, response) => {
      starts.push(startOf(request));
      answer(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const source = (more: Partial<FetchSource> = {}): FetchSource => ({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/content/`,
    token: undefined,
    files,
    onBytes: (bytes) => {
      counted += bytes;
    },
    signal: new AbortController().signal,
    ...more,
  });
  const bytesOf = async (blob: Blob) => Buffer.from(await blob.arrayBuffer());

  it('gives all of it, once: what is kept is not asked for again', async () => {
    const first = await fetchFile(file, source());
    const again = await fetchFile(file, source());
    expect((await bytesOf(first)).equals(contents)).toBe(true);
    expect((await bytesOf(again)).equals(contents)).toBe(true);
    expect(starts).toEqual([0]);
    expect(counted).toBe(2 * file.bytes);
  });

  it('goes on behind the last whole piece when a connection breaks, and counts no byte twice', async () => {
    answer = (request, response) => {
      const start = startOf(request);
      if (starts.length > 1) return sendFrom(start, response);
      sendFrom(start, response, pieceBytes + 500_000);
      setTimeout(() => response.destroy(), 300);
    };
    const blob = await fetchFile(file, source());
    expect((await bytesOf(blob)).equals(contents)).toBe(true);
    expect(starts).toEqual([0, pieceBytes]);
    expect(counted).toBe(file.bytes);
  });

  it('goes on with what was kept when the page was left', async () => {
    await files.addPiece(file.sha256, 0, new Blob([contents.subarray(0, pieceBytes)]));
    const blob = await fetchFile(file, source());
    expect((await bytesOf(blob)).equals(contents)).toBe(true);
    expect(starts).toEqual([pieceBytes]);
  });

  it('gives nothing that is not what the hash says, and keeps nothing of it', async () => {
    answer = (request, response) => {
      const start = startOf(request);
      const wrong = Buffer.from(contents.subarray(start));
      wrong[5] = (wrong[5] ?? 0) ^ 1;
      response.end(wrong);
    };
    await expect(fetchFile(file, source())).rejects.toMatchObject({ code: 'CUT_CONTENT' });
    expect((await files.get(file.sha256)).pieces).toEqual([]);
    answer = (request, response) => sendFrom(startOf(request), response);
    expect((await bytesOf(await fetchFile(file, source()))).equals(contents)).toBe(true);
  });

  it('takes no more than the file is said to have', async () => {
    answer = (_, response) => response.end(Buffer.concat([contents, contents]));
    await expect(fetchFile(file, source())).rejects.toMatchObject({ code: 'CUT_CONTENT' });
  });

  it('says at once why the server refuses it, and shows its token', async () => {
    const tokens: (string | undefined)[] = [];
    answer = ({ headers }, response) => {
      tokens.push(headers.authorization);
      response.writeHead(401).end();
    };
    await expect(fetchFile(file, source({ token: 'secret' }))).rejects.toMatchObject({ code: 'CUT_UNAUTHORISED' });
    expect(tokens).toEqual(['Bearer secret']);
  });

  it('says what to do where the server does not have it, and asks a server that is busy again', async () => {
    answer = (_, response) => response.writeHead(404).end();
    await expect(fetchFile(file, source())).rejects.toMatchObject({
      code: 'CUT_CONTENT',
      message: expect.stringContaining('reload the page'),
    });
    expect(starts).toEqual([0]);
    answer = (request, response) => {
      if (starts.length === 2) response.writeHead(503).end();
      else sendFrom(startOf(request), response);
    };
    expect((await bytesOf(await fetchFile(file, source()))).equals(contents)).toBe(true);
    expect(starts).toEqual([0, 0, 0]);
  });

  it('ends when it is called off', async () => {
    const stop = new AbortController();
    answer = (request, response) => {
      sendFrom(startOf(request), response, 1000);
      stop.abort(new CutpointError('CUT_CANCELLED', 'Left.'));
    };
    await expect(fetchFile(file, source({ signal: stop.signal }))).rejects.toMatchObject({ code: 'CUT_CANCELLED' });
    expect(starts).toEqual([0]);
  });
});
