import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@cutpoint/wire';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { classifier } from '../models.testing.js';
import { describeInBrowser } from './chromium.testing.js';
import { servePage } from './page-server.testing.js';

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

  it('opens no socket for a page of somebody else', async () => {
    await using server = await servePage(classifier);
    await using other = await servePage(classifier);
    const { page } = await browser.open(other.url);
    const socket = `new WebSocket(${JSON.stringify(`${server.url.replace('http', 'ws')}page/wire`)})`;
    const opened = `new Promise((resolve) => { const s = ${socket}; s.onopen = () => resolve(true); s.onerror = () => resolve(false); })`;
    expect(await page.evaluate(opened)).toBe(false);
    await using program = await connect({
      url: `${server.url.replace('http', 'ws')}page/wire`,
      connectTimeoutMs: 5_000,
    });
    expect(program.remote.name).toBe('cutpoint-server');
  });
});
