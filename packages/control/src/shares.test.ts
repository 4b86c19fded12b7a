import fc from 'fast-check';
import { expect, it } from 'vitest';
import { networkOf } from './network-of.js';
import { Shares } from './shares.js';

it('a caller has its share at most, whatever others have, and gets it back', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.boolean())),
      (most, steps) => {
        const shares = new Shares(most);
        const held: Record<string, Disposable[]> = { a: [], b: [] };
        for (const [caller, takes] of steps) {
          const own = held[caller] ?? [];
          if (!takes) own.pop()?.[Symbol.dispose]();
          else {
            const share = shares.take(caller);
            expect(share !== undefined).toBe(own.length < most);
            if (share !== undefined) own.push(share);
          }
        }
      },
    ),
  );
});

it.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:0:1:aaaa:bbbb:cccc:dddd', '2001:db8:0:1::/64'],
  ['2001:0db8::1:0:0:1', '2001:db8:0:0::/64'],
  ['2001:db8:0:1::', '2001:db8:0:1::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.7', '64:ff9b:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  [undefined, ''],
])('whoever is at %s is of the network %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
