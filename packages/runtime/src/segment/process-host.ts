import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CutpointError } from '@cutpoint/core';
import { readPackets, writePacket } from './packet-stream.js';
import { channelFd } from './process-relay.js';
import type { FromWorker, HostEvents, WorkerHost } from './protocol.js';
import { workerScript } from './worker-script.js';

const stderr = 2;

/** Starts a worker process. It ends when its channel closes, so it cannot outlive this process. */
export function startProcessHost(events: HostEvents): WorkerHost {
  const child = spawn(process.execPath, [fileURLToPath(workerScript)], {
    // stdout is the caller's own: whatever a native library prints goes to stderr.
    stdio: ['ignore', stderr, stderr, 'pipe'],
    windowsHide: true,
  });
  let why = 'process ended';
  const gone = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      why = signal === null ? `process exited with status ${code}` : `process was killed by ${signal}`;
    });
    child.once('error', (error) => {
      why = `process could not be started: ${error.message}`;
      if (child.pid === undefined) resolve();
    });
    // 'close' comes after the last bytes of the channel; a process that never started need not have it.
    child.once('close', () => resolve());
  });
  // Out of file descriptors, Node sets up no channel at all; then 'error' follows.
  const stdio: typeof child.stdio | undefined = child.stdio;
  const channel = stdio?.[channelFd];
  if (!(channel instanceof Duplex)) throw new CutpointError('CUT_LOAD', 'The worker process could not be started.');
  channel.on('error', () => child.kill('SIGKILL'));
  readPackets<FromWorker>(channel, (packet) => events.onPacket(packet));
  void gone.then(() => {
    channel.destroy();
    events.onGone(why);
  });
  return {
    processId: child.pid,
    post: (packet) => writePacket(channel, packet),
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
