import { networkInterfaces } from 'node:os';

/** The interfaces of a machine by their names, as Node tells them. */
export type Interfaces = ReturnType<typeof networkInterfaces>;

/**
 * The addresses of this machine, loopback among them: IPv4 first, and after both families what a machine gave itself for
 * want of DHCP (169.254.0.0/16). Link-local addresses of IPv6 mean nothing without a zone, which differs from machine to
 * machine: they are left out.
 */
export function ownAddresses(interfaces: Interfaces = networkInterfaces()): readonly string[] {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  const usable = all.filter(({ address }) => !address.includes('%') && !address.toLowerCase().startsWith('fe80'));
  const ofFamily = (family: string) => usable.filter((one) => one.family === family).map(({ address }) => address);
  const addresses = [...ofFamily('IPv4'), ...ofFamily('IPv6')];
  const isMakeshift = (address: string) => address.startsWith('169.254.');
  return [...addresses.filter((address) => !isMakeshift(address)), ...addresses.filter(isMakeshift)];
}

/** The interfaces to speak to a local network on, each with an IPv4 address that stands for it. Loopback is none. */
export function networksOf(
  interfaces: Interfaces = networkInterfaces(),
): readonly { readonly name: string; readonly address: string }[] {
  return Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .slice(0, 1)
      .map(({ address }) => ({ name, address })),
  );
}
