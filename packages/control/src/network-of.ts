import { isIPv6 } from 'node:net';

/**
 * What a stranger at this address cannot easily change: an IPv4 address, or the first 64 bits of an IPv6 address, as the
 * rest is for each machine to choose (RFC 4291). Empty where the address is not known any more.
 */
export function networkOf(address: string | undefined): string {
  const [bare = ''] = (address ?? '').split('%', 1);
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare) ?? [];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(bare)) return bare;
  const [head = '', tail] = bare.toLowerCase().split('::', 2);
  const groups = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  // An IPv4 address at the end takes the place of two groups.
  const written = groups.length + after.length + (bare.includes('.') ? 1 : 0);
  const all = [...groups, ...new Array<string>(Math.max(0, 8 - written)).fill('0'), ...after];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
