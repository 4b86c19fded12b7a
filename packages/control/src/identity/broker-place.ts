import { z } from 'zod';

/** Where a fleet's broker is, as the server tells devices. */
export const brokerPlace = z.object({
  /** Left out where it is the machine that the device paired with. */
  host: z.string().max(255).optional(),
  port: z.int().min(1).max(65_535),
});
export type BrokerPlace = z.output<typeof brokerPlace>;

const usualPort = 7483;

/** The broker of a fleet that was paired with at `server`; at the usual port, where nothing was told. */
export function brokerUrl({ server, broker }: { readonly server: string; readonly broker?: BrokerPlace | undefined }) {
  const host = broker?.host ?? new URL(server).hostname;
  return `mqtts://${host}:${broker?.port ?? usualPort}`;
}
