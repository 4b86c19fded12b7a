import { z } from 'zod';
import type { Connection } from '../ui/connection.js';
import { FleetView } from './fleet-view.js';

/** What a server tells every page of itself; one that leads no fleet leaves that out. */
const about = z.object({
  version: z.string().max(64).optional(),
  fleet: z.object({ name: z.string().max(64), paired: z.boolean() }).optional(),
});

/** Shows how this browser joins the fleet, where the server leads one. */
export function offerFleet(connection: Connection, main: HTMLElement): void {
  ask().then(
    ({ version = 'unknown', fleet }) => {
      if (fleet !== undefined) main.append(new FleetView({ ...fleet, version, connection }).root);
    },
    // Without an answer the page was not loaded either; the line of the connection says so.
    () => undefined,
  );
}

async function ask(): Promise<z.output<typeof about>> {
  const answer = await fetch(new URL('about.json', location.href), { signal: AbortSignal.timeout(10_000) });
  return about.parse(await answer.json());
}
