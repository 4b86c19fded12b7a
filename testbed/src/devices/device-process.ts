import { asCutpointError, CutpointError } from '@cutpoint/core';
import { type Daemon, type Log, openLog, runUntilStopped } from '@cutpoint/daemon';
import { agentSettings, startAgent } from '@cutpoint/edge-agent';
import { serverSettings, startServer } from '@cutpoint/server/daemon';
import type { z } from 'zod';
import type { StartedMessage, StartMessage } from './device-messages.js';

async function start({ kind, settings }: StartMessage): Promise<void> {
  const { daemon, log, graceMs } = await (kind === 'agent'
    ? started(agentSettings, settings, startAgent)
    : started(serverSettings, settings, startServer));
  const stopped = runUntilStopped(daemon, { graceMs, log, stdin: process.stdin });
  answer({ url: daemon.url });
  await stopped;
  process.exit();
}

async function started<S extends typeof agentSettings | typeof serverSettings>(
  schema: S,
  given: StartMessage['settings'],
  startDaemon: (settings: z.output<S>, context: { log: Log }) => Promise<Daemon>,
): Promise<{ daemon: Daemon; log: Log; graceMs: number }> {
  const result = schema.safeParse(given);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new CutpointError('CUT_USAGE', `The setting ${issue?.path.join('.')} is wrong: ${issue?.message}.`);
  }
  const { logLevel, graceMs } = result.data;
  const log = openLog({ name: 'device', level: logLevel, format: 'json' });
  return { daemon: await startDaemon(result.data as z.output<S>, { log }), log, graceMs };
}

function answer(message: StartedMessage): void {
  process.send?.(message);
}

process.once('message', (message: StartMessage) => {
  start(message).catch((thrown: unknown) => {
    const { code, message: text } = asCutpointError(thrown, 'CUT_INTERNAL');
    answer({ error: { code, message: text } });
    process.exitCode = 1;
    process.disconnect?.();
    process.stdin.destroy();
  });
});
