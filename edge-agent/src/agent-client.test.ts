import type { Meta } from '@cutpoint/wire';
import { connect, listen } from '@cutpoint/wire';
import { expect, it } from 'vitest';
import { inferAtAgent, inputsOfAgent } from './agent-client.js';

const question = { signal: AbortSignal.timeout(10_000), deadlineMs: 10_000 };

/** Asks a device of a fleet both questions, and says what it was told of the model. */
async function toldOf(model: string | undefined): Promise<Meta[]> {
  const told: Meta[] = [];
  const description = { deployment: 'net', inputs: [{ name: 'x', dtype: 'f32', shape: [1] }], outputs: ['y'] };
  await using listener = await listen({
    url: 'memory:agent-client',
    handler: async ({ method, meta }) => {
      told.push(meta);
      return { meta: method === 'describe' ? description : { timing: {} } };
    },
  });
  await using peer = await connect({ url: listener.url, connectTimeoutMs: 10_000 });
  expect(await inputsOfAgent(peer, { ...question, model })).toEqual(description.inputs);
  await inferAtAgent(peer, new Map(), { ...question, model }).catch(() => undefined);
  return told;
}

it('an agent of a fleet is told which model is meant, in both questions', async () => {
  expect(await toldOf('net')).toEqual([{ model: 'net' }, { id: expect.any(String), model: 'net' }]);
});

it('nothing is said of the model where nobody named one', async () => {
  expect(await toldOf(undefined)).toEqual([{}, { id: expect.any(String) }]);
});
