import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { classifier } from '../models.testing.js';
import { cutpoint, Process, until } from '../processes.testing.js';
import { describeInBrowser } from './chromium.testing.js';

const dims = [1, 48, 192].flatMap((size, i) => ['--dim', `p2o.DynamicDimension.${i}=${size}`]);
const json = ['--json', '--log-format', 'json'];

/** A server that leads a fleet, as its user starts it. */
async function serveFleet(state: string, addresses: readonly string[]) {
  const server = new Process(['serve', '--fleet', state, ...addresses, ...json]);
  await server.url();
  const url = () => String(server.log().find(({ msg }) => msg === 'page for browsers')?.url);
  await until(() => url() !== 'undefined', 'the server tells where its page is');
  return { server, url: url() };
}

const secure = ['--mqtt', 'mqtts://127.0.0.1:0', '--http', 'https://127.0.0.1:0', '--listen', 'wss://127.0.0.1:0'];
const plain = ['--mqtt', 'mqtt://127.0.0.1:0', '--http', '127.0.0.1:0', '--listen', 'ws://127.0.0.1:0'];

async function joinAs(page: Page, name: string): Promise<void> {
  await page.getByLabel('Name of this device').fill(name);
  await page.getByRole('button', { name: 'Join' }).click();
  await page.getByText(`Joined as ${name}.`).waitFor();
}

describeInBrowser('a page that joins the fleet', 'no webgpu', (browser) => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutpoint-page-fleet-'));
  });
  afterAll(async () => await rm(folder, { recursive: true, force: true }));

  it('is seen, comes back after a reload, is measured and planned for, runs what is deployed, and leaves', async () => {
    const { server, url } = await serveFleet(join(folder, 'plain'), plain);
    await using _ = server;
    const devices = async () => {
      const answer = await fetch(new URL('/v1/devices', url));
      const all = ((await answer.json()) as { devices: { device: string; status: string; facts: object }[] }).devices;
      return all.find(({ device }) => device === 'phone');
    };
    const { page, context, problems } = await browser.open(url);
    await joinAs(page, 'phone');
    await until(async () => (await devices())?.status === 'online', 'it is seen');
    expect((await devices())?.facts).toMatchObject({
      platform: expect.stringContaining('browser on'),
      browser: { name: expect.stringMatching(/Chrom/) },
    });
    await page.reload();
    await page.getByText('Joined as phone.').waitFor();
    await until(async () => (await devices())?.status === 'online', 'it is seen again');

    const http = ['--server', url.replace(/\/$/, '')];
    await using dry = cutpoint(['deploy', classifier, ...dims, '--dry-run', '--json', ...http]);
    expect(await dry.exit(110_000), dry.stderr).toBe(0);
    const [plan] = JSON.parse(dry.stdout).plans;
    expect(plan.from).toBe('phone');
    expect(plan.baselines[0]).toMatchObject({ device: 'phone', devices: ['phone'] });

    await using deploy = cutpoint([
      'deploy',
      classifier,
      ...dims,
      '--at',
      '12',
      '--on',
      'phone,server',
      '--name',
      'net',
      ...http,
      '--json',
    ]);
    expect(await deploy.exit(60_000), deploy.stderr).toBe(0);
    await page.getByText('Runs net: cut at 12').waitFor();
    await page.getByRole('button', { name: 'Try it' }).click();
    await page.getByText(/\d+ ms, of which \d+ ms here; \d+ bytes sent/).waitFor();
    const fetched: string[] = [];
    context.on('request', (request) => {
      if (request.url().includes('/v1/content/')) fetched.push(request.url());
    });
    await page.reload();
    await page.getByText('Runs net: cut at 12').waitFor();
    expect(fetched, 'what was deployed is kept').toEqual([]);
    expect(problems).toEqual([]);

    await page.getByRole('button', { name: 'Leave the fleet' }).click();
    await until(async () => (await devices())?.status === 'offline', 'it is gone at once', 3_000);
    await page.reload();
    await page.getByText('It has not joined').waitFor();
  });

  it('joins a paired fleet by the link of cutpoint pair --new, also by the address without /page/', async () => {
    const state = join(folder, 'paired');
    await using _ = (await serveFleet(state, secure)).server;
    await using pair = cutpoint(['pair', '--new', '--state', state, '--json']);
    expect(await pair.exit(60_000), pair.stderr).toBe(0);
    const made = JSON.parse(pair.stdout);
    expect(made.page).toBe(`${made.url}/page/#code=${made.code}`);
    // `/` leads to the page by a redirect.
    const { page } = await browser.open(made.page.replace('/page/', '/'));
    const code = page.getByLabel('Pairing code');
    await code.waitFor();
    expect(await code.inputValue()).toBe(made.code);
    expect(page.url()).toBe(`${made.url}/page/`);
    await joinAs(page, 'phone');
    await using list = cutpoint(['devices', '--state', state, '--server', made.url]);
    expect(await list.exit(60_000), list.stderr).toBe(0);
    expect(list.stdout).toMatch(/phone +agent +online .* a page in Chrom\w+ \d+, without WebGPU/);
  });
});
