#!/usr/bin/env node
// A thousand simulated agents (real MQTT clients, no models) on one server with its embedded broker: how long until all
// are known, how much telemetry arrives, and what processor time the server takes. Needs built packages.
//
//   node packages/control/bench/thousand-agents.mjs [--agents 1000] [--seconds 15] [--json]
//
// The server is a process of its own, so that its processor time (user and system, of all its threads) can be told
// from that of the agents, which share few processes. A busy machine makes agents late, not the server dearer.
import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import {
  deviceId,
  Fleet,
  fleetId,
  newSession,
  openBroker,
  openConnection,
  startMember,
  willOf,
} from '@cutpoint/control';

const fleet = fleetId.parse('bench');
const agentsPerProcess = 250;
const rate = (count, ms) => Math.round((count * 1e5) / ms) / 100;

process.once('disconnect', () => process.exit());
const [role, ...rest] = process.argv.slice(2);
if (role === 'server') await runServer(Number(rest[0]), Number(rest[1]));
else if (role === 'agents') await runAgents(rest[0], Number(rest[1]), Number(rest[2]));
else await runBench();

async function runBench() {
  const options = { agents: { type: 'string' }, seconds: { type: 'string' }, json: { type: 'boolean' } };
  const { agents = '1000', seconds = '15', json } = parseArgs({ options }).values;
  const start = (...args) =>
    fork(new URL(import.meta.url), args.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const server = start('server', agents, seconds);
  const hosts = [];
  const result = await new Promise((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    server.on('message', (message) => {
      if (message.result !== undefined) return resolve(message.result);
      for (let from = 0; from < Number(agents); from += agentsPerProcess) {
        hosts.push(start('agents', message.url, from, Math.min(agentsPerProcess, Number(agents) - from)));
      }
    });
  });
  for (const child of [server, ...hosts]) child.kill();
  process.stdout.write(`${json ? JSON.stringify(result) : inWords(result)}\n`);
}

function inWords({ agents, allKnownMs, ...steady }) {
  return [
    `${agents} agents, all known ${(allKnownMs / 1000).toFixed(1)} s after the first of their processes was started`,
    `then for ${(steady.ms / 1000).toFixed(1)} s:`,
    `  telemetry    ${steady.telemetryPerSecond} messages/s arrived, ${steady.silent} agents silent at the end`,
    `  processor    ${steady.cores} cores (user ${steady.userCores}, system ${steady.systemCores})`,
    `  memory       ${steady.residentMB} MB resident`,
    `  while joining ${steady.joiningCores} cores`,
  ].join('\n');
}

/** The server: broker, connection and fleet, as in the product. */
async function runServer(agents, seconds) {
  const broker = await openBroker({
    fleet,
    listen: { host: '127.0.0.1', port: 0 },
    onRefused: ({ error }) => process.stderr.write(`refused: ${error.message}\n`),
  });
  const onProblem = (error) => process.stderr.write(`problem: ${error.message}\n`);
  const connection = openConnection({ url: broker.url, device: 'srv', password: broker.serverPassword, onProblem });
  const view = new Fleet(connection, { fleet, onProblem });
  let telemetry = 0;
  connection.subscribe([], ({ topic }) => {
    if (topic.endsWith('/telemetry')) telemetry++;
  });
  await connection.untilUp(AbortSignal.timeout(5_000));
  const startedMs = performance.now();
  let mark = process.cpuUsage();
  process.send({ url: broker.url });
  await until(() => view.devices().filter(({ status }) => status === 'online').length === agents);
  const allKnownMs = performance.now() - startedMs;
  const joining = process.cpuUsage(mark);
  await new Promise((resolve) => setTimeout(resolve, 2_000));

  mark = process.cpuUsage();
  telemetry = 0;
  const fromMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const ms = performance.now() - fromMs;
  const { user, system } = process.cpuUsage(mark);
  const cores = (microseconds, overMs) => Math.round(microseconds / overMs / 10) / 100;
  process.send({
    result: {
      agents,
      allKnownMs: Math.round(allKnownMs),
      ms: Math.round(ms),
      telemetryPerSecond: rate(telemetry, ms),
      silent: view.devices().filter(({ status }) => status !== 'online').length,
      cores: cores(user + system, ms),
      userCores: cores(user, ms),
      systemCores: cores(system, ms),
      joiningCores: cores(joining.user + joining.system, allKnownMs),
      residentMB: Math.round(process.memoryUsage.rss() / 1e6),
    },
  });
}

/** Some of the agents. */
async function runAgents(url, from, count) {
  const facts = { version: '0', platform: 'bench', cpuModel: 'none', cores: 1, memoryBytes: 1 };
  const requests = { done: 0, failed: 0, underWay: 0 };
  const idle = { memoryBytes: 1, freeMemoryBytes: 1, cpuShare: 0, requests, links: [] };
  let problems = 0;
  const onProblem = (error) => {
    if (problems++ < 3) process.stderr.write(`agent: ${error.message}\n`);
  };
  for (let i = from; i < from + count; i++) {
    const device = deviceId.parse(`agent-${i}`);
    const session = newSession();
    const connection = openConnection({
      url,
      device,
      will: willOf(fleet, device, session),
      connectTimeoutMs: 20_000,
      onProblem,
    });
    startMember(connection, {
      fleet,
      device,
      session,
      role: 'agent',
      addresses: [`ws://127.0.0.1:${20_000 + i}`],
      facts,
      measure: () => idle,
      onDesired: () => {},
      onCommand: async () => [],
      onProblem,
    });
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function until(so) {
  while (!so()) await new Promise((resolve) => setTimeout(resolve, 50));
}
