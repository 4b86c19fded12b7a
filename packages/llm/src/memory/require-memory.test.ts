import { expect, it } from 'vitest';
import { randomFloats, temporaryPackage } from '../decode/random-package.testing.js';
import { smallConfig } from '../package/small-decoder.testing.js';
import { filePagesIn, freeMemoryBytes, statFiles } from './free-memory.js';
import { leastMemoryBytes, requireMemory } from './require-memory.js';

const whole = { from: 0, to: smallConfig.layers, head: true };

it('layers are refused by a byte too little, with the numbers, and not by a byte enough', async () => {
  await using made = await temporaryPackage(randomFloats(smallConfig, 3));
  const needBytes = leastMemoryBytes(made.manifest, whole, 'f32');
  const ask = (freeBytes: number) => () =>
    requireMemory(made.manifest, whole, { cache: 'f32', freeBytes, where: 'here', advice: 'cut' });
  expect(ask(needBytes)).not.toThrow();
  expect(ask(needBytes - 1)).toThrow(
    /^Layers 0 to \d of random and the head take \d+ MB at least, but \d+ MB are free here; cut\.$/,
  );
});

it('what layers take are their weights and the keys and values of a text', async () => {
  await using made = await temporaryPackage(randomFloats(smallConfig, 3));
  const { layers, kvHeads, headSize } = smallConfig;
  const of = (range: typeof whole, cache: 'f32' | '8' = 'f32') => leastMemoryBytes(made.manifest, range, cache);
  const weightBytes = made.manifest.layers.reduce((sum, { bytes }) => sum + bytes, 0);
  const cacheBytes = layers * 256 * kvHeads * headSize * 2 * 4;
  const all = { ...whole, head: false };
  expect(of(all)).toBeGreaterThan(weightBytes + cacheBytes);
  expect(of(all)).toBeLessThan(1.2 * (weightBytes + cacheBytes));
  expect(of(whole)).toBe(of(all) + made.manifest.head.bytes);
  expect(of({ ...all, from: 1 })).toBeLessThan(of(all));
  expect(of(all, '8')).toBeLessThan(of(all));
});

it('memory of a control group is read from its own file, or from that of the root', () => {
  const first = '8:cpu:/a\n4:memory:/box/7\n0::/else\n';
  expect(statFiles(first)).toEqual(['/sys/fs/cgroup/memory/box/7/memory.stat', '/sys/fs/cgroup/memory/memory.stat']);
  expect(statFiles('0::/user.slice/a:b\n')).toEqual([
    '/sys/fs/cgroup/user.slice/a:b/memory.stat',
    '/sys/fs/cgroup/memory.stat',
  ]);
  expect(statFiles('0::/\n')).toEqual(['/sys/fs/cgroup/memory.stat']);
  expect(statFiles('')).toEqual([]);
});

it('pages of files are those in use and those that are not, of the groups below too', () => {
  expect(filePagesIn('anon 5\ninactive_file 4096\nactive_file 8192\n')).toBe(12_288);
  expect(filePagesIn('inactive_file 1\ntotal_inactive_file 10\nactive_file 2\ntotal_active_file 20\n')).toBe(30);
  expect(filePagesIn('')).toBe(0);
});

it('some memory is free here', async () => {
  expect(await freeMemoryBytes()).toBeGreaterThan(1e6);
});
