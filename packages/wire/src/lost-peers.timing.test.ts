import { setTimeout as sleep } from 'node:timers/promises';
import { tensorOf } from '@cutpoint/core';
import { expect, it } from 'vitest';
import { connect } from './connect.js';
import { startSilentServer } from './silent-server.testing.js';

// A machine that stands still for 600 ms loses the connections too early: then it is tried again.
it.each(['tcp', 'ws'])(
  'a server that stands still is noticed, also while it is sent much (%s)',
  { retry: 3 },
  async (scheme) => {
    await using server = await startSilentServer(`${scheme}://127.0.0.1:0`);
    const options = { url: server.url, connectTimeoutMs: 20_000, limits: { silenceMs: 600 } };
    const quiet = await connect(options);
    const busy = await connect(options);
    await sleep(1_000);
    await quiet.ping();
    server.child.kill('SIGSTOP');
    const startedAt = performance.now();
    const tensors = new Map([['x', tensorOf('u8', [50_000_000], new Uint8Array(50_000_000))]]);
    const failed = { code: 'CUT_CONNECTION_LOST', message: expect.stringContaining('600 ms') };
    await Promise.all([
      expect(quiet.request({ method: 'x' })).rejects.toMatchObject(failed),
      expect(busy.request({ method: 'x', tensors })).rejects.toMatchObject(failed),
    ]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  },
);
