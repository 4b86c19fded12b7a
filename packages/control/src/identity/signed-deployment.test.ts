import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentHash, deploymentId, deviceId, fleetId, generation } from '../ids.js';
import { type Assignment, assignment, type DesiredState, desiredState } from '../messages.js';
import { startFleet, type TestFleet } from './fleets.testing.js';
import { verifyDeployment } from './signed-deployment.js';

let fleet: TestFleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterAll(() => fleet[Symbol.asyncDispose]());

const pi = deviceId.parse('pi-1');
const file = (name: string) => ({ name, hash: contentHash.parse('a'.repeat(64)), bytes: 10 });
const work: Assignment = assignment.parse({
  deployment: deploymentId.parse('classifier'),
  model: { name: 'mobilenet', hash: 'b'.repeat(64), inputs: [], outputs: [] },
  segments: [{ from: 0, to: 12, file: file('at-12/segment-0.onnx'), memoryBytes: 1000 }],
  files: [file('at-12/segments.json')],
  ladder: [{ at: [12], codecs: ['f16'], chain: ['gpu-box'] }],
});
const unsigned = { generation: generation.parse(7), assignments: [work] };
const own = () => ({ fleet: fleetId.parse('home'), device: pi, authority: fleet.server.identities.authority });

async function signed(): Promise<DesiredState> {
  return { ...unsigned, signature: await fleet.server.identities.signDeployment(pi, unsigned) };
}

describe('what a device shall run', () => {
  it('is accepted as it was signed, also after a broker has carried it', async () => {
    const desired = await signed();
    expect(desired.signature).toMatch(/^[\w-]+\.[\w-]+\.[\w-]{86}$/);
    verifyDeployment(desired, own());
    verifyDeployment(desiredState.parse(JSON.parse(JSON.stringify(desired))), own());
  });

  it('does not depend on the order in which members of objects were written, or on those without a value', async () => {
    const { segments, ...rest } = work;
    const turned = { segments: segments.map((segment) => ({ ...segment, extra: undefined })), ...rest };
    verifyDeployment({ ...(await signed()), assignments: [turned] }, own());
  });

  it.each<[string, (desired: DesiredState) => DesiredState]>([
    ['without a signature', ({ signature: _, ...desired }) => desired],
    ['of another generation', (desired) => ({ ...desired, generation: generation.parse(8) })],
    ['with another segment', (desired) => ({ ...desired, assignments: [{ ...work, segments: [] }] })],
    [
      'with another file',
      (desired) => ({ ...desired, assignments: [{ ...work, files: [{ ...file('x'), bytes: 11 }] }] }),
    ],
    ['with nothing to run', (desired) => ({ ...desired, assignments: [] })],
    ['with the same twice', (desired) => ({ ...desired, assignments: [work, work] })],
    ['with a signature cut short', (desired) => ({ ...desired, signature: desired.signature?.slice(0, -8) ?? '' })],
    ['with an empty signature', (desired) => ({ ...desired, signature: '' })],
    ['with more behind the signature', (desired) => ({ ...desired, signature: `${desired.signature}.x` })],
    [
      'that names no algorithm',
      (desired) => {
        const [, payload] = (desired.signature ?? '').split('.');
        const head = Buffer.from('{"alg":"none"}').toString('base64url');
        return { ...desired, signature: `${head}.${payload}.` };
      },
    ],
  ])('is refused %s', async (_, change) => {
    const changed = change(await signed());
    expect(() => verifyDeployment(changed, own())).toThrow(expect.objectContaining({ code: 'CUT_SIGNATURE' }));
  });

  it('is refused by another device, another fleet, and under another authority', async () => {
    const desired = await signed();
    await using other = await startFleet();
    const others = [
      { ...own(), device: deviceId.parse('pi-2') },
      { ...own(), fleet: fleetId.parse('away') },
      { ...own(), authority: other.server.identities.authority },
    ];
    for (const one of others) {
      expect(() => verifyDeployment(desired, one)).toThrow(expect.objectContaining({ code: 'CUT_SIGNATURE' }));
    }
  });
});
