import { expect, it } from 'vitest';
import { OpenResources } from './open-resources.js';

it('closes everything, the newest first, even where one fails, and throws the first failure', async () => {
  const closed: string[] = [];
  const opened = new OpenResources();
  const resource = (name: string, failure?: Error) => ({
    [Symbol.asyncDispose]: async () => {
      closed.push(name);
      if (failure !== undefined) throw failure;
    },
  });
  opened.add(resource('model'));
  opened.add(resource('stage', new Error('stage')));
  opened.add(resource('listener', new Error('listener')));
  await expect(opened.close()).rejects.toThrow('listener');
  expect(closed).toEqual(['listener', 'stage', 'model']);
  await opened.close();
  expect(closed.length).toBe(3);
});
