import { expect, it } from 'vitest';
import { connect } from './connect.js';
import { listen } from './listen.js';
import { answerProbe, maxProbeBytes, probeMethod, zeroBytes } from './probe.js';

it('answers with as many bytes as were asked for, whatever was sent', async () => {
  await using listener = await listen({ url: 'tcp://127.0.0.1:0', handler: async (request) => answerProbe(request) });
  await using peer = await connect({ url: listener.url, connectTimeoutMs: 20_000 });
  const tensors = new Map([['bytes', zeroBytes(1_000)]]);
  const { tensors: back } = await peer.request({ method: probeMethod, meta: { replyBytes: 70_000 }, tensors });
  expect(back.get('bytes')?.data.byteLength).toBe(70_000);
  expect((await peer.request({ method: probeMethod, tensors })).tensors.size).toBe(0);
});

it.each([-1, 0.5, maxProbeBytes + 1, '7', null, Number.NaN])('refuses to answer with %s bytes', (replyBytes) => {
  expect(() => answerProbe({ meta: { replyBytes } })).toThrow(/0 to 16777216 bytes/);
});
