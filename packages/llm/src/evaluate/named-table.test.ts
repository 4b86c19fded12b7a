import { expect, it } from 'vitest';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { evaluateCut } from './evaluate-cut.js';
import { tableOfHidden } from './hidden-table.js';
import { leakAtCuts } from './leak-at-cuts.js';

it('a named table of another cut or model is refused before layers are opened', async () => {
  await using made = await temporaryPackage(randomFloats(smallConfig, 5));
  const { hiddenSize } = smallConfig;
  const hidden = Float32Array.from({ length: 40 * hiddenSize }, (_, i) => Math.sin(i * i));
  const tokens = [5, 9, 33, 2, 60, 17];
  const asked = async (manifest: typeof made.manifest, cut: number) => {
    const { name, table } = tableOfHidden(manifest, cut, [hidden], 0.3);
    const shared = { codec: `transform:table=${name}`, tables: new Map([[name, table]]), tokens, context: 6, cut: 1 };
    await evaluateCut({ ...shared, front: made });
    await leakAtCuts({ ...shared, package: made });
  };
  await expect(asked(made.manifest, 1)).resolves.toBeUndefined();
  await expect(asked(made.manifest, smallConfig.layers)).rejects.toMatchObject({ code: 'CUT_CODEC_TABLE' });
  await expect(asked({ ...made.manifest, checkpoint: 'f'.repeat(64) }, 1)).rejects.toMatchObject({
    code: 'CUT_CODEC_TABLE',
  });
});
