import type { Scenario } from '@cutpoint/plan';
import { loadScenario } from './load-scenario.js';
import { shippedNames } from './shipped.js';

/** The scenarios that come with the testbed. @throws CutpointError what `loadScenario` throws. */
export async function listScenarios(): Promise<readonly Pick<Scenario, 'name' | 'title' | 'description'>[]> {
  const loaded = await Promise.all((await shippedNames()).map((name) => loadScenario(name)));
  return loaded.map(({ scenario: { name, title, description } }) => ({ name, title, description }));
}
