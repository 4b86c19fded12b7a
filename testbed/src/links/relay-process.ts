import type { LinkParameters } from './link-parameters.js';
import { openRelay, type Relay, type RelaySettings, type RelayStats } from './relay.js';

/** What the relay's process is told. */
export type ToRelay =
  | { readonly kind: 'open'; readonly settings: RelaySettings }
  | { readonly kind: 'set'; readonly parameters: LinkParameters }
  | { readonly kind: 'stats' };

/** What it says: one answer for each thing that it is told. */
export type FromRelay =
  | { readonly kind: 'open'; readonly port: number }
  | { readonly kind: 'set' }
  | { readonly kind: 'stats'; readonly stats: RelayStats & { readonly cpuMs: number; readonly aliveMs: number } }
  | { readonly kind: 'failed'; readonly message: string };

let relay: Relay | undefined;

async function answer(message: ToRelay): Promise<FromRelay> {
  if (message.kind === 'open') {
    relay = await openRelay(message.settings);
    return { kind: 'open', port: relay.port };
  }
  if (relay === undefined) throw new Error('nothing is open yet');
  if (message.kind === 'set') {
    relay.set(message.parameters);
    return { kind: 'set' };
  }
  const { user, system } = process.cpuUsage();
  return {
    kind: 'stats',
    stats: { ...relay.stats(), cpuMs: (user + system) / 1000, aliveMs: process.uptime() * 1000 },
  };
}

process.on('message', (message: ToRelay) => {
  answer(message).then(
    (reply) => process.send?.(reply),
    (thrown: unknown) => process.send?.({ kind: 'failed', message: String(thrown) } satisfies FromRelay),
  );
});
// Whoever opened the link decides when it ends, also with Ctrl-C; if they are gone, so is the link.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit());
