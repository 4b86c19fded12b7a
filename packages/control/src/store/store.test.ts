import fs, { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deviceId, type Generation, generation as generationId } from '../ids.js';
import { Audit } from './audit.js';
import { Sql } from './sql.js';
import { openStore, type Store } from './store.js';

let folder: string;
let store: Store;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cutpoint-store-'));
  store = openStore(folder);
});
afterEach(() => {
  store[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Closes the store and opens it again. */
function reopen(): Store {
  store[Symbol.dispose]();
  store = openStore(folder);
  return store;
}

const pi = deviceId.parse('pi-1');

describe('the file of a store', () => {
  it('is for its owner alone', () => {
    expect(statSync(join(folder, 'store.db')).mode & 0o777).toBe(0o600);
  });

  it('is on the disk when a change returns: the file, its journal and the folder', () => {
    const synced = vi.spyOn(fs, 'fsyncSync');
    store.audit.add({ atMs: 1, event: 'x', subject: '', detail: '' });
    // The journal, the folder that names it, the file, and the folder without the journal.
    expect(synced.mock.calls.length).toBeGreaterThanOrEqual(4);
    synced.mockRestore();
  });

  it('is refused, with what to do, where it is of a newer version or damaged', () => {
    store[Symbol.dispose]();
    const sql = new Sql(join(folder, 'store.db'));
    sql.migrate(99, '');
    sql[Symbol.dispose]();
    expect(() => openStore(folder)).toThrow(
      expect.objectContaining({ code: 'CUT_STORE', message: expect.stringContaining('version 99') }),
    );
    const path = join(folder, 'store.db');
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(7, 100, 6000));
    expect(() => openStore(folder)).toThrow(expect.objectContaining({ code: 'CUT_STORE' }));
    writeFileSync(path, 'no database at all, but a text that is long enough to be looked at');
    expect(() => openStore(folder)).toThrow(expect.objectContaining({ code: 'CUT_STORE' }));
    rmSync(path);
  });
});

describe('the owner of a store', () => {
  const inUse = expect.objectContaining({ code: 'CUT_STORE', message: expect.stringContaining(`${process.pid}`) });

  it('is one process: a second opening is refused and names it', () => {
    expect(() => openStore(folder)).toThrow(inUse);
    reopen();
    expect(() => openStore(folder)).toThrow(inUse);
  });

  it.each([
    ['a process that is gone', JSON.stringify({ pid: 2 ** 22 - 3, started: '' })],
    ['an earlier process with our id', JSON.stringify({ pid: process.pid, started: 'another boot 17' })],
    ['half a line', '{"pid": 1'],
  ])('is replaced where it is %s, with the lock that was left', (_, left) => {
    store[Symbol.dispose]();
    writeFileSync(join(folder, 'owner'), left);
    mkdirSync(join(folder, 'store.db.lock'));
    store = openStore(folder);
    store.audit.add({ atMs: 1, event: 'x', subject: '', detail: '' });
    expect(store.audit.newest(9)).toHaveLength(1);
  });
});

describe('devices', () => {
  const certificate = (serial: string, expiresAtMs = 100) => ({ serial, device: pi, issuedAtMs: 1, expiresAtMs });

  it('are there again after a restart, with their certificates', () => {
    store.devices.put({ device: pi, role: 'agent', hosts: ['pi-1', 'pi-1.local'], pairedAtMs: 5 });
    store.devices.addCertificate(certificate('0A'));
    const { devices } = reopen();
    expect(devices.list()).toEqual([
      { device: pi, role: 'agent', state: 'active', hosts: ['pi-1', 'pi-1.local'], pairedAtMs: 5 },
    ]);
    expect(devices.certificate('0A')).toEqual({ ...certificate('0A'), revokedAtMs: undefined });
    expect(devices.certificate('0B')).toBeUndefined();
    expect(devices.newestIssueMs()).toBe(1);
  });

  it('lose all certificates at once, and those stay revoked when the device is paired again', () => {
    store.devices.put({ device: pi, role: 'agent', hosts: [], pairedAtMs: 5 });
    store.devices.addCertificate(certificate('0A'));
    store.devices.addCertificate(certificate('0B', 3));
    expect(store.devices.revokeCertificates(pi, 7)).toEqual(['0A', '0B']);
    store.devices.markRevoked(pi);
    store.devices.put({ device: pi, role: 'agent', hosts: [], pairedAtMs: 8 });
    store.devices.addCertificate(certificate('0C'));
    expect(store.devices.get(pi)?.state).toBe('active');
    expect(store.devices.revokedSerials(3)).toEqual(['0A']);
    expect(store.devices.certificate('0C')?.revokedAtMs).toBeUndefined();
  });

  it('have no certificate without a device, nor two with one serial', () => {
    expect(() => store.devices.addCertificate(certificate('0A'))).toThrow(
      expect.objectContaining({ code: 'CUT_STORE' }),
    );
    store.devices.put({ device: pi, role: 'agent', hosts: [], pairedAtMs: 5 });
    store.devices.addCertificate(certificate('0A'));
    expect(() => store.devices.addCertificate(certificate('0A'))).toThrow(
      expect.objectContaining({ code: 'CUT_STORE' }),
    );
  });
});

describe('deployments', () => {
  it('follow one another: one is active, and the one before is where a rollback goes', () => {
    const { deployments } = store;
    const first = deployments.prepare({ model: 'a' }, 1);
    expect(deployments.active()).toBeUndefined();
    deployments.activate(first);
    const second = deployments.prepare({ model: 'b' }, 2);
    deployments.activate(second);
    const third = deployments.prepare({ model: 'c' }, 3);
    deployments.drop(third);
    const again = reopen().deployments;
    expect(again.active()).toMatchObject({ generation: second, body: { model: 'b' }, createdAtMs: 2 });
    expect(again.former()).toMatchObject({ generation: first, body: { model: 'a' } });
    expect(() => again.activate(third)).toThrow(expect.objectContaining({ code: 'CUT_STORE' }));
    expect(again.active()?.generation).toBe(second);
  });

  it('that fail, however many, do not push out what worked; what is active again after them is no history', () => {
    const { deployments } = store;
    for (const model of ['a', 'b']) deployments.activate(deployments.prepare({ model }, 1));
    for (let i = 0; i < 40; i++) {
      deployments.drop(deployments.prepare({ model: `broken ${i}` }, 2));
      deployments.activate(deployments.prepare({ model: 'b' }, 3));
    }
    const again = reopen().deployments;
    const former = again.list().filter(({ state }) => state === 'former');
    expect(former).toMatchObject([{ body: { model: 'a' } }]);
    expect(again.list().length).toBeLessThanOrEqual(18);
    for (const model of ['c', 'd']) again.activate(again.prepare({ model }, 4));
    expect(again.list().flatMap(({ state, body }) => (state === 'former' ? [body] : []))).toMatchObject([
      { model: 'c' },
      { model: 'b' },
      { model: 'a' },
    ]);
  });

  it('begin above what devices know of already, so that a lost store does not go back', () => {
    const { deployments } = store;
    const least = generationId.parse(17);
    expect(deployments.prepare({ model: 'a' }, 1, least)).toBe(17);
    expect(deployments.prepare({ model: 'b' }, 1, least)).toBe(18);
    expect(deployments.prepare({ model: 'c' }, 1)).toBe(19);
  });

  it('never share a generation, and at most one is active, whatever is done in whatever order', () => {
    const step = fc.tuple(fc.constantFrom('prepare', 'activate', 'drop', 'reopen'), fc.nat({ max: 30 }));
    const given = new Set<Generation>();
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        for (const [what, which] of steps) {
          const open = store.deployments.list().filter(({ state }) => state === 'prepared');
          const chosen = open[which % Math.max(1, open.length)]?.generation;
          if (what === 'prepare') {
            const generation = store.deployments.prepare({ which, nth: given.size }, 0);
            expect(Math.max(...given, 0)).toBeLessThan(generation);
            given.add(generation);
          } else if (what === 'reopen') reopen();
          else if (chosen !== undefined && what === 'activate') {
            const before = store.deployments.active()?.generation;
            store.deployments.activate(chosen);
            expect(store.deployments.active()?.generation).toBe(chosen);
            if (before !== undefined) expect(store.deployments.get(before)?.state).toBe('former');
          } else if (chosen !== undefined) store.deployments.drop(chosen);
        }
        const states = store.deployments.list().map(({ state }) => state);
        expect(states.filter((state) => state === 'active').length).toBeLessThanOrEqual(1);
        expect(states.filter((state) => state === 'former' || state === 'dropped').length).toBeLessThanOrEqual(40);
      }),
      { numRuns: 15 },
    );
  });

  it('are bounded: in length, and in how many are kept', () => {
    expect(() => store.deployments.prepare('x'.repeat(5_000_000), 0)).toThrow(
      expect.objectContaining({ code: 'CUT_STORE' }),
    );
    for (let i = 0; i < 30; i++) store.deployments.activate(store.deployments.prepare(i, 0));
    expect(store.deployments.list()).toHaveLength(17);
    expect(store.deployments.former()?.body).toBe(28);
  });
});

describe('the audit log', () => {
  const entry = (detail: string) => ({ atMs: 1, event: 'e', subject: 's', detail });

  it('keeps the newest 10,000 entries', () => {
    store.transaction(() => {
      for (let i = 0; i < 10_050; i++) store.audit.add(entry(`${i}`));
    });
    const kept = store.audit.newest(20_000);
    expect([kept.length, kept[0]?.detail, kept.at(-1)?.detail]).toEqual([10_000, '10049', '50']);
  });

  it('holds no control characters, which could rewrite the terminal of who reads it', () => {
    store.audit.add(entry('a\u001b[2Jb\nc'));
    expect(store.audit.newest(1)[0]?.detail).toBe('a?[2Jb?c');
  });

  it('is not filled by strangers: many at once are counted, not written', () => {
    for (let i = 0; i < 5_000; i++) store.audit.addStranger(entry(`${i}`));
    expect(store.audit.newest(9_999).length).toBeLessThanOrEqual(21);
  });
});

describe('the audit log, of a stranger who asks again and again', () => {
  it('has the same refusal once an hour, and how many there were', () => {
    let nowMs = 0;
    store[Symbol.dispose]();
    using sql = new Sql(join(folder, 'store.db'));
    const audit = new Audit(sql, () => nowMs);
    const ask = (detail: string) =>
      audit.addStranger({ atMs: 1, event: 'refused', subject: 's', detail }, { hourly: true });
    // One minute each, as devices that were revoked ask; another one asks as well.
    for (let minute = 0; minute < 120; minute++, nowMs += 60_000) for (const detail of ['a', 'b']) ask(detail);
    expect(audit.newest(1000).map(({ detail }) => detail)).toEqual([
      ...['b', 'a (118 more like this were not written down)', 'b', 'a'],
    ]);
  });
});

describe('a transaction', () => {
  it('does all or nothing', () => {
    expect(() =>
      store.transaction(() => {
        store.devices.put({ device: pi, role: 'agent', hosts: [], pairedAtMs: 5 });
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(store.devices.list()).toEqual([]);
  });
});
