import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { bytesInWords, inWords } from './check.js';
import {
  checkDisk,
  checkInterfaces,
  checkKeys,
  checkMemory,
  checkNode,
  checkRuntime,
  checkVersions,
} from './machine-checks.js';
import {
  type CertificateExpectation,
  checkBroker,
  checkCertificate,
  checkClock,
  checkMulticast,
  checkName,
  checkPort,
  type ShownChain,
} from './network-checks.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe('words', () => {
  it('say times and sizes as a person does', () => {
    expect([1_000, 119_000, 61 * minute, -119 * minute, 3 * hour, 47 * hour, 3 * day].map(inWords)).toEqual([
      '1 second',
      '119 seconds',
      '61 minutes',
      '119 minutes',
      '3 hours',
      '47 hours',
      '3 days',
    ]);
    expect([1.234e9, 12.3e9, 345e6].map(bytesInWords)).toEqual(['1.23 GB', '12.3 GB', '345 MB']);
  });
});

describe('the clock', () => {
  const at = (offMs: number, roundTripMs = 20) => {
    const askedMs = Date.UTC(2026, 0, 1, 12);
    // HTTP cuts off what is beyond whole seconds.
    const serverMs = Math.floor((askedMs + roundTripMs / 2 + offMs) / 1_000) * 1_000;
    return checkClock({ serverMs, askedMs, answeredMs: askedMs + roundTripMs });
  };

  it('is compared in words, and only what certificates do not bear is a failure', () => {
    expect(at(61 * minute)).toMatchObject({
      outcome: 'warn',
      sentence: "This clock is 61 minutes behind the server's.",
    });
    expect(at(-3 * hour).sentence).toBe("This clock is 3 hours ahead of the server's.");
    expect(at(2 * day)).toMatchObject({ outcome: 'fail', sentence: "This clock is 2 days behind the server's." });
    expect(at(-2 * day).outcome).toBe('fail');
  });

  it('agrees within seconds, however long the answer took', () => {
    for (const off of [0, 999, -999, 3_000]) for (const trip of [1, 900]) expect(at(off, trip).outcome).toBe('ok');
    expect(at(7_000).outcome).toBe('warn');
    expect(checkClock(undefined).outcome).toBe('warn');
  });
});

describe('a certificate', () => {
  const nowMs = Date.UTC(2026, 0, 10);
  const chain: ShownChain = {
    kind: 'tls',
    subject: 'DNS:srv-1',
    validFromMs: nowMs - day,
    validToMs: nowMs + 20 * day,
    hostMatches: true,
    distrust: undefined,
    authorityHash: 'ab'.repeat(32),
  };
  const expected: CertificateExpectation = { host: 'srv-1', secure: true, nowMs, aheadMs: 0 };
  const check = (shown: Partial<ShownChain>, expectation: Partial<CertificateExpectation> = {}) =>
    checkCertificate({ ...chain, ...shown }, { ...expected, ...expectation });

  it('is good, or about to expire', () => {
    expect(check({}).outcome).toBe('ok');
    expect(check({ validToMs: nowMs + 2 * day })).toMatchObject({
      outcome: 'warn',
      sentence: expect.stringContaining('another 2 days'),
    });
  });

  it('is out of date, and the clock is named if that is why', () => {
    expect(check({ validToMs: nowMs - 3 * day })).toMatchObject({
      outcome: 'fail',
      sentence: 'The certificate expired 3 days ago by this clock.',
    });
    const ahead = check({ validFromMs: nowMs - 30 * day, validToMs: nowMs - 3 * day }, { aheadMs: -10 * day });
    expect(ahead).toMatchObject({ outcome: 'fail', advice: 'Set the clock of this machine.' });
    expect(check({ validFromMs: nowMs + hour }).sentence).toContain('begins to be valid in 60 minutes');
  });

  it('is trusted by its authority, by the hash of it, or not', () => {
    const distrust = 'SELF_SIGNED_CERT_IN_CHAIN';
    expect(check({ distrust })).toMatchObject({ outcome: 'fail', sentence: expect.stringContaining('not trusted') });
    expect(check({ distrust }, { authorityHash: 'AB'.repeat(32) }).outcome).toBe('ok');
    expect(check({}, { authorityHash: 'cd'.repeat(32) }).sentence).toContain('another than expected');
  });

  it('is for the host that was asked for', () => {
    expect(check({ hostMatches: false }).sentence).toBe('The certificate is for DNS:srv-1, not for srv-1.');
    expect(check({ hostMatches: false, subject: 'URI:cutpoint:home/srv-1, DNS:srv-1' }).outcome).toBe('ok');
  });

  it('is there if the address says so, and only then', () => {
    expect(check({}, { secure: false }).sentence).toContain('The address has no TLS, but');
    const answers = [{ kind: 'no-tls' }, { kind: 'failed', why: 'x' }, { kind: 'timed-out' }] as const;
    for (const answer of answers) {
      expect(checkCertificate(answer, expected).outcome).toBe('fail');
      expect(checkCertificate(answer, { ...expected, secure: false }).outcome).toBe('ok');
    }
  });
});

describe('names, ports, groups and brokers', () => {
  it('say what to do', () => {
    expect(checkName('srv-1', { kind: 'found', addresses: ['10.0.0.1', '10.0.0.2'] }).outcome).toBe('ok');
    for (const kind of ['unknown', 'no-answer', 'timed-out'] as const) {
      expect(checkName('srv-1', { kind })).toMatchObject({ outcome: 'fail', advice: expect.any(String) });
    }
    expect(checkName('pi.local', { kind: 'unknown' }).advice).toContain('mDNS');
    expect(checkPort(7400, { kind: 'open', address: '10.0.0.1', from: '10.0.0.9', ms: 1.25 }).outcome).toBe('ok');
    const closed = (kind: 'refused' | 'timed-out' | 'unreachable') => checkPort(7400, { kind, address: '10.0.0.1' });
    expect(closed('refused').sentence).toContain('nothing listens there');
    expect(closed('timed-out').advice).toContain('firewall');
    expect(closed('unreachable').sentence).toContain('no way to 10.0.0.1');
  });

  it('judge multicast by interface', () => {
    const reading = { name: 'eth0', address: '10.0.0.9', heard: true };
    expect(checkMulticast([reading]).outcome).toBe('ok');
    const deaf = { name: 'wlan0', address: '10.0.1.9', heard: false, problem: 'no buffers' };
    expect(checkMulticast([reading, deaf])).toMatchObject({
      outcome: 'warn',
      sentence: 'Messages to a group do not pass on wlan0 10.0.1.9 (no buffers).',
    });
    expect(checkMulticast([]).outcome).toBe('warn');
  });

  it('trust a broker only if it refuses', () => {
    const outcome = (answer: Parameters<typeof checkBroker>[1]) => checkBroker('mqtt://b', answer).outcome;
    expect(outcome({ kind: 'refused', how: 'dropped' })).toBe('ok');
    expect(outcome({ kind: 'refused', how: 'disconnected' })).toBe('ok');
    expect(outcome({ kind: 'delivered' })).toBe('fail');
    expect(outcome({ kind: 'mute' })).toBe('fail');
    expect(outcome({ kind: 'not-let-in', why: 'x' })).toBe('fail');
    expect(outcome({ kind: 'unreachable', why: 'x' })).toBe('fail');
  });
});

describe('the machine', () => {
  const at = (address: string, internal = false) => ({ address, internal }) as NetworkInterfaceInfo;

  it('has interfaces, and those that software made are named', () => {
    const lo = [at('127.0.0.1', true)];
    expect(checkInterfaces({ lo, eth0: [at('10.0.0.9'), at('fe80::1')] })).toEqual({
      name: 'interfaces',
      outcome: 'ok',
      sentence: 'Up: eth0 10.0.0.9, fe80::1.',
    });
    const made = checkInterfaces({ lo, docker0: [at('172.17.0.1')], wg0: [at('10.8.0.2')], virbr0: [at('10.1.0.1')] });
    expect(made).toMatchObject({ outcome: 'warn' });
    for (const words of ['docker0 (of containers)', 'wg0 (of a VPN)', 'virbr0 (of virtual machines)']) {
      expect(made.sentence).toContain(words);
    }
    expect(checkInterfaces({ lo }).sentence).toContain('only this machine can be reached');
  });

  it('has versions, memory, disk and keys in order, or not', () => {
    expect(['v18.20.1', 'v20.0.0', 'v24.1.0', 'nonsense'].map((v) => checkNode(v).outcome)).toEqual([
      'fail',
      'ok',
      'ok',
      'fail',
    ]);
    expect([undefined, '1.0.0', '1.0.1'].map((v) => checkVersions('1.0.0', v).outcome)).toEqual(['ok', 'ok', 'warn']);
    expect(checkRuntime(undefined).outcome).toBe('ok');
    expect(checkRuntime('no such file').sentence).toBe('onnxruntime does not load: no such file.');
    const memory = (freeBytes: number) => checkMemory({ freeBytes, totalBytes: 1e9 }).outcome;
    expect([5e8, 1e8, 1e7].map(memory)).toEqual(['ok', 'warn', 'fail']);
    const disk = (freeBytes: number) => checkDisk({ folder: '/s', freeBytes, problem: undefined }).outcome;
    expect([5e9, 5e8, 1e7].map(disk)).toEqual(['ok', 'warn', 'fail']);
    expect(checkDisk({ folder: '/s', freeBytes: 5e9, problem: 'permission denied' }).outcome).toBe('fail');
    expect(checkKeys({ found: 0, open: [] }).outcome).toBe('ok');
    expect(checkKeys({ found: 2, open: [] }).outcome).toBe('ok');
    expect(checkKeys({ found: 2, open: ['/s/a.key'] })).toMatchObject({
      outcome: 'fail',
      advice: 'Run chmod 600 /s/a.key.',
    });
  });
});
