import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { sendModel } from './send-model.js';
import type { ServerApi } from './server-api.js';

it('says of a folder that packages of language models are not deployed, and what to do, before it asks the server', async () => {
  const api = { ask: () => expect.unreachable() } as unknown as ServerApi;
  await expect(sendModel(api, tmpdir(), [], {})).rejects.toMatchObject({
    code: 'CUT_USAGE',
    message: expect.stringMatching(/language model.*cutpoint serve.*cutpoint agent.*cutpoint cluster/),
  });
});
