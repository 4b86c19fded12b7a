import { type GpuInfo, openGpu, type TunedProduct } from '@cutpoint/gpu';
import { readTuning, tuningPath } from '@cutpoint/llm';
import { printResult } from '../output/result.js';
import { fields } from '../output/table.js';
import { formatBytes } from '../output/units.js';
import type { Verb } from '../verb.js';
import { tunedTable } from './tuned-table.js';

/** `cutpoint gpu info`. */
export const gpuInfo: Verb = {
  example: 'cutpoint gpu info --json',
  configure: (command) =>
    command.action(async ({ json }: { readonly json?: true }) => {
      using opened = await openGpu();
      const tuned = await readTuning(opened.info);
      const found = { ...opened.info, tuning: { path: tuningPath(opened.info), products: tuned } };
      await printResult(json === true, found, () => infoText(opened.info) + tuningText(found.tuning));
    }),
};

function infoText(found: GpuInfo): string {
  const yes = (has: boolean) => (has ? 'yes' : 'no');
  const text = fields([
    ['adapter', found.description],
    ['vendor', `${found.vendor} ${found.architecture}`],
    ['buffers', `at most ${formatBytes(found.maxBufferBytes)}, ${formatBytes(found.maxBindingBytes)} for one kernel`],
    ['workgroups', `${found.maxWorkgroupThreads} threads that share ${formatBytes(found.workgroupStorageBytes)}`],
    ['products of bytes', yes(found.packedDot)],
    ['16-bit floats', yes(found.f16)],
  ]);
  return found.software ? `${text}${softwareNote}` : text;
}

function tuningText({ path, products }: { readonly path: string; readonly products: readonly TunedProduct[] }): string {
  if (products.length === 0) return 'Nobody has tuned here: `cutpoint gpu tune PACKAGE --bits w4a8` does.\n';
  return `Tuned, and kept in ${path}:\n${tunedTable(products)}`;
}

/** Below whatever was timed. */
export const softwareNote = 'This driver computes on the CPU: results are right, times say nothing of a GPU.\n';
