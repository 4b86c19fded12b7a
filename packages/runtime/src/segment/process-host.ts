import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CutpointError } from '@cutpoint/core';
import { readPackets, writePacket } from './packet-stream.js';
import { channelFd } from './process-port.js';
import type { FromWorker, HostEvents, WorkerHost } from './protocol.js';
import { workerScript } from './worker-script.js';

const stderr = 2;

/** Starts a worker process. It ends when its end of the channel closes, so it cannot outlive this process. */
export function startProcessHost(events: HostEvents): WorkerHost {
  const child = spawn(process.execPath, [fileURLToPath(workerScript)], {
    // stdout is the caller's own: whatever a native library prints goes to stderr.
    stdio: ['ignore', stderr, stderr, 'pipe'],
    windowsHide: true,
  });
  // Node sets no stdio at all up when the system is out of file descriptors.
  const channel = (child.stdio as typeof child.stdio | undefined)?.[channelFd];
  if (!(channel instanceof Duplex)) throw new CutpointError('CUT_LOAD', 'The worker process could not be started.');
  let why = 'process could not be started';
  const gone = new Promise<void>((resolve) => {
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      channel.destroy();
      resolve();
      events.onGone(why);
    };
    child.once('exit', (code, signal) => {
      why = signal === null ? `process exited with status ${code}` : `process was killed by ${signal}`;
    });
    // 'close' comes after the last bytes of the channel; a process that never started gives only 'error'.
    child.once('close', end);
    child.once('error', (error) => {
      why = `process could not be started: ${error.message}`;
      if (child.pid === undefined) end();
    });
  });
  channel.on('error', () => child.kill('SIGKILL'));
  readPackets<FromWorker>(channel, (packet) => events.onPacket(packet));
  return {
    post: (packet) => writePacket(channel, packet),
    async stop() {
      child.kill('SIGKILL');
      await gone;
    },
  };
}
