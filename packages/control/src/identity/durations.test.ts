import { describe, expect, it } from 'vitest';
import { clockOffsetMs, clockTrouble } from './clock.js';
import { trustedNowMs } from './device-identity.js';
import { certificateAge, renewalDue } from './renewal.js';

const day = 86_400_000;

describe('renewal', () => {
  it('is due when a third of the lifetime is left', () => {
    expect(renewalDue({ ageMs: 20 * day - 1, lifetimeMs: 30 * day })).toBe(false);
    expect(renewalDue({ ageMs: 20 * day, lifetimeMs: 30 * day })).toBe(true);
  });

  it('counts the age on the own clock, and takes nothing from a clock that went back', () => {
    expect(certificateAge(1_000, 5_000)()).toBeGreaterThanOrEqual(4_000);
    expect(certificateAge(1_000, 5_000)()).toBeLessThan(9_000);
    const afterReset = certificateAge(5_000, 0)();
    expect(afterReset).toBeGreaterThanOrEqual(0);
    expect(afterReset).toBeLessThan(5_000);
  });
});

describe('a clock', () => {
  it('is compared with the middle of the exchange', () => {
    expect(clockOffsetMs(10_000, 3_000, 5_000)).toBe(6_000);
  });

  it('is named when it is off by a minute or more, with how far and which way', () => {
    expect(clockTrouble(59_999)).toBeUndefined();
    expect(clockTrouble(-59_999)).toBeUndefined();
    expect(clockTrouble(3_600_000)).toContain('60 min behind');
    expect(clockTrouble(-3 * 3_600_000)).toContain('3 h ahead of');
    expect(clockTrouble(20_000 * day)).toContain('20000 days behind');
  });

  it('never counts for less than the time at which the own certificate was made', () => {
    expect(trustedNowMs({ issuedAtMs: 700 }, 0)).toBe(700);
    expect(trustedNowMs({ issuedAtMs: 700 }, 900)).toBe(900);
  });
});
