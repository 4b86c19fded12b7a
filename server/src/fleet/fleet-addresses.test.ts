import { describe, expect, it } from 'vitest';
import { fleetAddresses } from './fleet-addresses.js';

const usual = { listen: 'ws://127.0.0.1:7400', mqtt: 'mqtt://127.0.0.1:7483', http: undefined, lan: false };

describe('the addresses of a fleet', () => {
  it('are plain and on loopback unless something else is asked for', () => {
    expect(fleetAddresses(usual)).toEqual({
      listen: 'ws://127.0.0.1:7400',
      mqtt: { host: '127.0.0.1', port: 7483, secure: false },
      http: { address: '127.0.0.1:7480', secure: false },
    });
  });

  it('are encrypted and open to the network with one flag', () => {
    expect(fleetAddresses({ ...usual, lan: true })).toEqual({
      listen: 'wss://0.0.0.0:7400',
      mqtt: { host: '0.0.0.0', port: 7483, secure: true },
      http: { address: '0.0.0.0:7480', secure: true },
    });
  });

  it('stay where they are with it, if they are not on loopback', () => {
    const given = { listen: 'tcp://10.0.0.7:1', mqtt: 'mqtt://[fd00::7]:2', http: '10.0.0.7:3', lan: true };
    expect(fleetAddresses(given)).toEqual({
      listen: 'tcps://10.0.0.7:1',
      mqtt: { host: 'fd00::7', port: 2, secure: true },
      http: { address: '10.0.0.7:3', secure: true },
    });
  });

  it.each([
    ['https://127.0.0.1:0', { address: '127.0.0.1:0', secure: true }],
    ['https://[::1]:7480/', { address: '[::1]:7480', secure: true }],
    ['0.0.0.0:7480', { address: '0.0.0.0:7480', secure: true }],
    ['http://0.0.0.0:7480', { address: '0.0.0.0:7480', secure: false }],
    ['localhost:80', { address: 'localhost:80', secure: false }],
  ])('take HTTP as %s', (http, expected) => {
    expect(fleetAddresses({ ...usual, http }).http).toEqual(expected);
  });

  it.each(['7480', 'localhost', 'ftp://127.0.0.1:1', 'https://127.0.0.1:7480/api'])('take no HTTP at %s', (http) => {
    expect(() => fleetAddresses({ ...usual, http })).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
  });

  it('are not opened to the network where HTTP was asked for on loopback', () => {
    const given = { ...usual, http: '127.0.0.1:80', lan: true };
    expect(() => fleetAddresses(given)).toThrow(expect.objectContaining({ code: 'CUT_USAGE' }));
    expect(() => fleetAddresses(given)).toThrow(/give 0\.0\.0\.0:80/);
  });

  it('are encrypted on loopback by their scheme', () => {
    const { listen, mqtt } = fleetAddresses({ ...usual, listen: 'wss://127.0.0.1:0', mqtt: 'mqtts://127.0.0.1:0' });
    expect([listen, mqtt]).toEqual(['wss://127.0.0.1:0', { host: '127.0.0.1', port: 0, secure: true }]);
  });
});
