import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { classifier } from '../models.testing.js';
import { describeInBrowser } from './chromium.testing.js';
import { servePage } from './page-server.testing.js';

/** The status by which a server answers a WebSocket's handshake, as a browser on a page of this origin would ask for it. */
function answerToUpgrade(page: string, origin: string): Promise<number | undefined> {
  const key = Buffer.alloc(16).toString('base64');
  const websocket = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': key,
  };
  return new Promise((resolve, reject) => {
    const request = get(new URL('page/wire', page), { headers: { ...websocket, Origin: origin }, timeout: 10_000 });
    request.on('response', ({ statusCode }) => resolve(statusCode));
    request.on('upgrade', ({ statusCode }, socket) => {
      socket.destroy();
      resolve(statusCode);
    });
    request.on('timeout', () => request.destroy(new Error('The server does not answer the handshake.')));
    request.on('error', reject);
  });
}

describeInBrowser('the page', 'no webgpu', (browser) => {
  let folder = '';
  let tokenFile = '';
  const token = 'a token of a page, long enough';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-'));
    tokenFile = join(folder, 'token');
    await writeFile(tokenFile, token, { mode: 0o600 });
  });
  afterAll(async () => await rm(folder, { recursive: true }));

  it('is served by a server with --http, and says hello to it', async () => {
    await using server = await servePage(classifier);
    const { page, problems } = await browser.open(server.url);
    await page.getByText('Connected to cutpoint-server').waitFor();
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    expect(problems).toEqual([]);
  });

  it('needs the token of the server, which it takes out of its address', async () => {
    await using server = await servePage(classifier, '--token-file', tokenFile);
    const { page } = await browser.open(server.url);
    await page.getByText('CUT_UNAUTHORISED').waitFor();
    await page.goto(`${server.url}#token=${encodeURIComponent(token)}`);
    await page.reload();
    await page.getByText('Connected to cutpoint-server').waitFor();
    expect(page.url()).not.toContain('token');
    await page.reload();
    await page.getByText('Connected to cutpoint-server').waitFor();
  });

  it('opens a socket for its own page and for a program, and none for a page of somebody else', async () => {
    await using server = await servePage(classifier);
    expect(await answerToUpgrade(server.url, new URL(server.url).origin)).toBe(101);
    expect(await answerToUpgrade(server.url, 'http://elsewhere.example')).toBe(403);
    const otherPort = `http://127.0.0.1:${Number(new URL(server.url).port) ^ 1}`;
    expect(await answerToUpgrade(server.url, otherPort)).toBe(403);
    await using program = await connect({
      url: `${server.url.replace('http', 'ws')}page/wire`,
      connectTimeoutMs: 5_000,
    });
    expect(program.remote.name).toBe('cutpoint-server');
  });
});
