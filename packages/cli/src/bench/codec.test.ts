import { expect, it } from 'vitest';
import { benchCodec } from './codec.js';

it('the benchmark of codecs refuses a codec that it does not know before it runs a model', async () => {
  await expect(benchCodec(['f17'], new AbortController().signal, () => {})).rejects.toMatchObject({
    code: 'CUT_USAGE',
  });
});
