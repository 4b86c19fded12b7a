import { assignment, type DeviceId, deviceId } from '@cutpoint/control';
import { expect, it } from 'vitest';
import { checkDesired } from './check-desired.js';

const pi = deviceId.parse('pi-1');

function fleetOf(count: number): ReadonlyMap<DeviceId, readonly ReturnType<typeof assignment.parse>[]> {
  const model = { name: 'net', hash: 'a'.repeat(64), inputs: [], outputs: [] };
  const each = (i: number) => assignment.parse({ deployment: `net-${i}`, model, segments: [], files: [], ladder: [] });
  return new Map([[pi, Array.from({ length: count }, (_, i) => each(i))]]);
}

it('takes as many deployments of a device as it can be told of, and no more', () => {
  checkDesired(fleetOf(64));
  expect(() => checkDesired(fleetOf(65))).toThrow(
    expect.objectContaining({ code: 'CUT_DEPLOYMENT', message: expect.stringMatching(/^pi-1 .*64.*undeploy/) }),
  );
});
