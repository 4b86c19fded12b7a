// Runs the tests of kernels: on the software driver of Debian's package chromium if it is there, as results are the same
// everywhere then; otherwise, or with CUTPOINT_TEST_GPU=1, on the GPU of this machine.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const softwareDriver = '/usr/lib/chromium/vk_swiftshader_icd.json';
/** chromium has a Vulkan loader of its own, which helps where the system has none. */
const softwareLoader = '/usr/lib/chromium';

const chosen = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
const env = { ...process.env };
if (chosen === undefined && existsSync(softwareDriver) && process.env.CUTPOINT_TEST_GPU === undefined) {
  env.VK_DRIVER_FILES = softwareDriver;
  env.VK_ICD_FILENAMES = softwareDriver;
  env.LD_LIBRARY_PATH = [process.env.LD_LIBRARY_PATH, softwareLoader].filter(Boolean).join(':');
  process.stderr.write('Kernels run on a software driver (CUTPOINT_TEST_GPU=1 takes the GPU of this machine).\n');
}
const args = ['vitest', 'run', '--config', 'vitest.gpu.config.ts', ...process.argv.slice(2)];
process.exitCode = spawnSync('npx', args, { env, stdio: 'inherit' }).status ?? 1;
