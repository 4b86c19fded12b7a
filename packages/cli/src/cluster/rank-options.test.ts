import { describe, expect, it } from 'vitest';
import { ranksHere } from './local-ranks.js';
import { addresses, rankAddresses, shares } from './rank-options.js';

const refused = (message: string) =>
  expect.objectContaining({ code: 'CUT_USAGE', message: expect.stringContaining(message) });

describe('addresses of ranks', () => {
  it('are of TCP unless they say otherwise', () => {
    expect(addresses('pi-1:7410, wss://pi-2:7410')).toEqual(['tcp://pi-1:7410', 'wss://pi-2:7410']);
  });

  it.each([
    ['', 'takes addresses'],
    ['pi-1:7410,,pi-2:7410', 'takes addresses'],
    ['pi-1:7410,tcp://pi-1:7410', 'names tcp://pi-1:7410 twice'],
  ])('are refused as "%s"', (text, message) => {
    expect(() => addresses(text)).toThrow(refused(message));
  });

  it('tell how many ranks share the cores of this machine', () => {
    const urls = ['tcp://127.0.0.1:1', 'tcps://pi-1:7410', 'ws://[::1]:2', 'tcp://localhost:3', 'tcp://192.168.0.7:4'];
    expect(ranksHere(urls.map((url) => ({ url })))).toBe(4);
  });
});

describe('shares of ranks', () => {
  it.each(['0,1', '-1', '1,,2', '1e308,1e308', 'two', 'Infinity'])('are refused as "%s"', (text) => {
    expect(() => shares(text)).toThrow(refused('positive numbers'));
  });
});

describe('files for reaching ranks', () => {
  it('are refused with the flag that names them', async () => {
    await expect(rankAddresses({ tokenFile: '/absent' })).rejects.toThrow(/^--token-file: The token file/);
    await expect(rankAddresses({ ca: '/absent' })).rejects.toThrow(/^--ca: The certificate/);
    const flags = { tokenFile: '--rank-token-file', ca: '--rank-ca' };
    await expect(rankAddresses({ tokenFile: '/absent' }, flags)).rejects.toThrow(/^--rank-token-file: /);
  });
});
