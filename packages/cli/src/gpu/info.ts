import { type GpuInfo, openGpu } from '@cutpoint/gpu';
import { printResult } from '../output/result.js';
import { fields } from '../output/table.js';
import { formatBytes } from '../output/units.js';
import type { Verb } from '../verb.js';

/** `cutpoint gpu info`. */
export const gpuInfo: Verb = {
  example: 'cutpoint gpu info --json',
  configure: (command) =>
    command.action(async ({ json }: { readonly json?: true }) => {
      using opened = await openGpu();
      await printResult(json === true, opened.info, () => infoText(opened.info));
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
  return found.software
    ? `${text}This driver computes on the CPU: results are right, times say nothing of a GPU.\n`
    : text;
}

/** Below whatever was timed. */
export const softwareNote = 'This driver computes on the CPU: results are right, times say nothing of a GPU.\n';
