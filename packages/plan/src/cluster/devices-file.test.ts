import { describe, expect, it } from 'vitest';
import { parseClusterDevices } from './devices-file.js';

const device = (id: string) => ({ id, memoryBytes: 1_000_000_000, speed: { kind: 'gflops', token: 8, chunk: 30 } });
const file = {
  format: 'cutpoint-cluster-devices',
  version: 1,
  rank0: 'pi-1',
  devices: [device('pi-1'), device('pi-2')],
  link: { roundTripMs: 0.6, bytesPerS: 1e8 },
  links: [{ from: 'pi-1', to: 'pi-2', profile: 'link.json' }],
};

describe('a file of devices', () => {
  it('is read as it stands', () => {
    expect(parseClusterDevices(file)).toMatchObject(file);
  });

  it.each([
    [{ devices: [device('pi-1'), device('pi-1')] }, /two devices are called "pi-1"/],
    [{ rank0: 'pi-9' }, /rank0 is "pi-9", which is not one of the devices pi-1, pi-2/],
    [{ links: [{ from: 'pi-1', to: 'mars', profile: 'a' }] }, /links\[0\] names "mars", which is not one/],
    [{ links: [{ from: 'pi-1', to: 'pi-1', profile: 'a' }] }, /links\[0\] goes from "pi-1" to itself/],
    [{ links: [...file.links, { from: 'pi-2', to: 'pi-1', profile: 'b' }] }, /links\[1\] is a second link/],
    [{ devices: [{ ...device('pi-1'), memoryBytes: -1 }] }, /devices\[0\]\.memoryBytes is -1/],
    [
      { devices: [{ ...device('pi-1'), speed: { kind: 'calibr', file: 'a' } }] },
      /devices\[0\]\.speed\.kind is "calibr", but must be one of layer-times, calibration, gflops/,
    ],
    [{ devices: [{ ...device('pi-1'), speed: {} }] }, /speed\.kind is missing; it must be one of layer-times/],
    [{ devices: Array.from({ length: 9 }, (_, i) => device(`pi-${i}`)) }, /devices .* at most 8 entries/],
    [{ link: { roundTripMs: 1, bytesPerS: 0 } }, /link\.bytesPerS is 0/],
  ])('is refused with what is wrong there: %#', (change, sentence) => {
    const wrong = () => parseClusterDevices({ ...file, ...change }, 'home.json');
    expect(wrong).toThrow(expect.objectContaining({ code: 'CUT_SCENARIO' }));
    expect(wrong).toThrow(sentence);
  });
});
