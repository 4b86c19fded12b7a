import { CancelSource, CutpointError, tensorOf } from '@cutpoint/core';
import { keepConnected, openLog } from '@cutpoint/daemon';
import { openProxyLink } from '@cutpoint/testbed';
import { listen } from '@cutpoint/wire';
import { expect, it } from 'vitest';

const direction = (rateMbit: number) => ({ rateMbit, delayMs: 20, jitterMs: 0, lossPct: 0 });

it('a link on which requests that were given up are still on the way is not taken for one that is cut', async () => {
  const listener = await listen({ url: 'tcp://127.0.0.1:0', handler: async () => ({}) });
  await using _ = { [Symbol.asyncDispose]: () => listener.close() };
  await using link = await openProxyLink({
    target: listener.url,
    parameters: { up: direction(1), down: direction(1) },
  });
  const log = openLog({ name: 'test', level: 'silent', format: 'json' });
  const address = { url: link.url, connectTimeoutMs: 5_000 };
  await using connection = await keepConnected(address, {
    name: 'test',
    maxBackoffMs: 1_000,
    log,
    check: async () => {},
  });
  const peer = connection.peer();
  const tensors = new Map([['x', tensorOf('u8', [110_000], new Uint8Array(110_000))]]);
  const given = new CancelSource();
  const requests = [1, 2, 3].map(() =>
    peer.request({ method: 'x', tensors }, { signal: given }).catch(() => 'given up'),
  );
  // On their way: what is not written yet would be taken back.
  await new Promise((resolve) => setTimeout(resolve, 200));
  given.abort(new CutpointError('CUT_CANCELLED', 'Another way was faster.'));
  await Promise.all(requests);
  const from = performance.now();
  await connection.renew();
  // Longer than a ping may take on its own: 330 kB at 1 Mbit/s.
  expect(performance.now() - from).toBeGreaterThan(2_000);
  expect(connection.connected && connection.peer() === peer).toBe(true);
});
