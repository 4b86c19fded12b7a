import type { ModelProfile } from '@cutpoint/plan';
import { expect, it } from 'vitest';
import type { LoadedScenario } from './load-scenario.js';
import { profilesFor, type ScenarioModel } from './problem-for.js';

/** As much of a profile as is asked for its device. */
const profileWith = (threads: number) =>
  ({ runtime: { threads }, fit: { referenceDriftPct: 3 } }) as unknown as ModelProfile;

it('a profile that was measured with other threads than the scenario states is used, and said so', async () => {
  const notes: string[] = [];
  const power = { idleW: 1, busyW: 2 };
  const devices = [
    { id: 'pi', role: 'edge', threads: 4, power },
    { id: 'box', role: 'server', threads: 2, power },
  ];
  const scenario = { scenario: { devices }, deviceProfiles: [profileWith(1), profileWith(2)] };
  const profiles = await profilesFor(scenario as unknown as LoadedScenario, {} as ScenarioModel, {
    onNote: (note) => notes.push(note),
  });
  expect(Object.keys(profiles)).toEqual(['pi', 'box']);
  expect(notes).toEqual([
    'The profile for pi was measured with 1 thread, but the scenario gives it 4: times may differ.',
  ]);
});
