import { fileURLToPath } from 'node:url';
import { openLog, resolveSettings } from '@cutpoint/daemon';
import { type Adaptation, agentSettings, startAgent } from '@cutpoint/edge-agent';
import { serverSettings, startServer } from '@cutpoint/server';
import { openProxyLink } from '@cutpoint/testbed';
import { connect } from '@cutpoint/wire';
import { expect, it, vi } from 'vitest';
import { classifier, classifierInput, loadWhole } from './models.testing.js';

vi.setConfig({ testTimeout: 120_000 });

const log = openLog({ name: 'test', level: 'silent', format: 'json' });
const direction = (rateMbit: number, delayMs: number) => ({ rateMbit, delayMs, jitterMs: 0, lossPct: 0 });
const link = (rateMbit: number, delayMs: number) => ({
  up: direction(rateMbit, delayMs),
  down: direction(rateMbit, delayMs),
});
const flags = {
  model: fileURLToPath(new URL(`file://${classifier}`)),
  listen: 'tcp://127.0.0.1:0',
  optimisation: 'none',
};
/** Everything at the server, and everything at the agent. */
const choices = [0, 220].map((at) => ({ at: [at], codecs: ['raw' as const] }));

it('an agent changes its split under traffic when the link changes, and back, and drops no request', async () => {
  await using whole = await loadWhole(classifier);
  const expected = [...(await whole.run(classifierInput())).outputs.values()][0]?.data;
  const server = await startServer(await resolveSettings(serverSettings, { flags, env: {} }), { log });
  await using _ = { [Symbol.asyncDispose]: () => server.close() };
  await using emulated = await openProxyLink({ target: server.url, parameters: link(1_000, 0) });
  const switches: string[] = [];
  const adaptation: Adaptation = {
    choices,
    first: 0,
    next: ({ sendMs }) => (sendMs > 60 ? 1 : 0),
    onSwitch: (from, to) => switches.push(`${from} to ${to}`),
    onError: (error) => switches.push(error.message),
  };
  const settings = await resolveSettings(agentSettings, { flags: { ...flags, server: emulated.url }, env: {} });
  const agent = await startAgent(settings, { log, adaptation });
  await using __ = { [Symbol.asyncDispose]: () => agent.close() };
  await using peer = await connect({ url: agent.url, connectTimeoutMs: 5_000 });

  let stopped = false;
  let answers = 0;
  const lane = async (): Promise<void> => {
    while (!stopped) {
      const { tensors } = await peer.request({ method: 'infer', tensors: classifierInput() }, { deadlineMs: 30_000 });
      expect([...tensors.values()][0]?.data).toEqual(expected);
      answers += 1;
    }
  };
  const traffic = Promise.all([lane(), lane(), lane()]);
  const until = async (count: number): Promise<void> => {
    for (let tries = 0; switches.length < count && tries < 600; tries++) await new Promise((go) => setTimeout(go, 50));
  };
  await emulated.set(link(2, 50));
  await until(1);
  // At the agent alone nothing crosses the link: only probes can tell that it is better.
  await emulated.set(link(1_000, 0));
  await until(2);
  stopped = true;
  await traffic;
  expect(switches).toEqual(['0 to 1', '1 to 0']);
  expect(answers).toBeGreaterThan(10);
});

it('an agent answers alone while its server is away, and says so', async () => {
  const server = await startServer(await resolveSettings(serverSettings, { flags, env: {} }), { log });
  const away: boolean[] = [];
  const adaptation: Adaptation = {
    choices,
    first: 0,
    alone: 1,
    next: (_, current) => current,
    onSwitch: () => {},
    onAway: (now) => away.push(now),
    onError: () => {},
  };
  const settings = await resolveSettings(agentSettings, { flags: { ...flags, server: server.url }, env: {} });
  const agent = await startAgent(settings, { log, adaptation });
  await using _ = { [Symbol.asyncDispose]: () => agent.close() };
  await using peer = await connect({ url: agent.url, connectTimeoutMs: 5_000 });
  const ask = () => peer.request({ method: 'infer', tensors: classifierInput() }, { deadlineMs: 30_000 });
  const [before] = (await ask()).tensors.values();
  await server.close();
  // Until the agent has noticed, a request may still fail.
  for (let tries = 0; away.length === 0 && tries < 50; tries++) await ask().catch(() => undefined);
  const [after] = (await ask()).tensors.values();
  expect(away).toEqual([true]);
  expect(after?.data).toEqual(before?.data);
});
