import {
  type Assignment,
  type AssignmentState,
  contentHash,
  type DeviceId,
  deploymentId,
  deviceId,
  type Generation,
  generation as generationOf,
  type ReportedState,
  type SessionId,
  sessionId,
} from '@cutpoint/control';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  awaited,
  came,
  type FleetAssignments,
  giveUp,
  gone,
  heard,
  propose,
  type Rollout,
  restore,
  rolloutFrom,
} from './rollout.js';
import { desiredOf, leasedGeneration, rolledBack, statusOf, withDeployment } from './rollout-views.js';

const names = ['pi-1', 'pi-2', 'box'].map((name) => deviceId.parse(name));
const [pi1, pi2, box] = names as [DeviceId, DeviceId, DeviceId];
const model = deploymentId.parse('model');
const hash = contentHash.parse('0'.repeat(64));

/** Tells versions apart by the name of the model. */
function version(name: string, devices: readonly DeviceId[]): FleetAssignments {
  const assignment: Assignment = {
    deployment: model,
    model: { name, hash, inputs: [], outputs: [] },
    segments: [],
    files: [],
    ladder: [],
  };
  return new Map(devices.map((device) => [device, [assignment]]));
}

const session = (n: number): SessionId => sessionId.parse(n.toString(16).padStart(32, '0'));
const g = (n: number): Generation => generationOf.parse(n);

function report(n: number, phase: AssignmentState['phase'], run = session(0)): ReportedState {
  const problem = phase === 'refused' ? { problem: { code: 'CUT_MEMORY', message: 'needs 412 MB' } } : {};
  return { session: run, wanted: g(n), assignments: [{ deployment: model, phase, ...problem }] };
}

function all(rollout: Rollout): Rollout {
  return names.reduce((state, device) => came(state, device, session(0)), rollout);
}

describe('a rollout', () => {
  it('is active when the last device is ready, and not before', () => {
    let rollout = propose(all(rolloutFrom(g(0), new Map())), g(1), version('a', names));
    expect(statusOf(rollout)).toMatchObject({ phase: 'proposed', active: 0, waitingFor: names });
    rollout = heard(rollout, pi1, report(1, 'fetching'));
    expect(statusOf(rollout).phase).toBe('fetching');
    for (const device of [pi1, pi2]) rollout = heard(rollout, device, report(1, 'ready'));
    expect(leasedGeneration(rollout)).toBe(0);
    expect(desiredOf(rollout, box).generation).toBe(1);
    rollout = heard(rollout, box, report(1, 'ready'));
    expect(leasedGeneration(rollout)).toBe(1);
    expect(statusOf(rollout)).toMatchObject({ phase: 'active', waitingFor: [] });
  });

  it('goes back under a new generation where a device refuses, and says why', () => {
    const before = heardAll(propose(all(rolloutFrom(g(0), new Map())), g(1), version('a', names)), 1);
    const refused = heard(propose(before, g(2), version('b', names)), pi2, report(2, 'refused'));
    expect(statusOf(refused)).toMatchObject({
      phase: 'refused',
      active: 1,
      problem: { device: pi2, message: 'needs 412 MB' },
    });
    expect(heardAll(refused, 2).active.generation).toBe(1);
    expect(() => propose(refused, g(3), version('c', names))).toThrow('(generation 2) is on its way');
    expect(() => restore(refused, g(2))).toThrow('was used before');
    const restoring = restore(refused, g(3));
    expect(desiredOf(restoring, pi1)).toMatchObject({ generation: 3, assignments: [{ model: { name: 'a' } }] });
    expect(leasedGeneration(restoring)).toBe(1);
    const restored = heardAll(restoring, 3);
    expect(leasedGeneration(restored)).toBe(3);
    expect(statusOf(restored)).toMatchObject({ phase: 'rolled back', generation: 2, problem: { code: 'CUT_MEMORY' } });
  });

  it('waits for a device that is away only where it has something new for it', () => {
    const before = heardAll(propose(all(rolloutFrom(g(0), new Map())), g(1), version('a', names)), 1);
    const away = gone(before, pi2);
    const needed = propose(away, g(2), version('b', names));
    expect(awaited(heard(heard(needed, pi1, report(2, 'ready')), box, report(2, 'ready')))).toEqual([pi2]);
    const ended = propose(away, g(2), new Map());
    expect(ended.active.generation).toBe(2);
    const unchanged = propose(away, g(2), withDeployment(before.active.assignments, model, version1('b', [pi1])));
    expect(heard(unchanged, pi1, report(2, 'ready')).active.generation).toBe(2);
  });

  it('does not count what a former run of a daemon has reported', () => {
    let rollout = propose(all(rolloutFrom(g(0), new Map())), g(1), version('a', [pi1]));
    rollout = came(rollout, pi1, session(1));
    expect(awaited(heard(rollout, pi1, report(1, 'ready', session(0))))).toEqual([pi1]);
    expect(awaited(heard(rollout, pi1, report(1, 'ready', session(1))))).toEqual([]);
  });

  it('does not wait for ever: time may run out, also for going back', () => {
    const why = { code: 'CUT_DEADLINE', message: 'pi-2 was not ready within 10 minutes.' };
    const late = giveUp(propose(all(rolloutFrom(g(0), new Map())), g(1), version('a', names)), why);
    expect(statusOf(late)).toMatchObject({ phase: 'failed', active: 0, problem: why });
    expect(giveUp(restore(late, g(2)), why).active.generation).toBe(2);
  });

  it('goes back to what a deployment was before its last change, and leaves others alone', () => {
    const other = deploymentId.parse('other');
    const first = heardAll(propose(all(rolloutFrom(g(0), new Map())), g(1), version('a', names)), 1);
    const second = heardAll(propose(first, g(2), version('b', names)), 2);
    const extra = version1('x', [pi1]).get(pi1) as Assignment;
    const both = withDeployment(second.active.assignments, other, new Map([[pi1, { ...extra, deployment: other }]]));
    const rollout = { ...second, active: { ...second.active, assignments: both } };
    const back = rolledBack(rollout, model);
    expect(back.get(pi1)?.map(({ deployment, model: { name } }) => [deployment, name])).toEqual([
      [model, 'a'],
      [other, 'x'],
    ]);
    expect(() => rolledBack(rollout, other)).toThrow('nothing to go back to');
  });
});

function version1(name: string, devices: readonly DeviceId[]): ReadonlyMap<DeviceId, Assignment> {
  return new Map([...version(name, devices)].map(([device, [assignment]]) => [device, assignment as Assignment]));
}

function heardAll(rollout: Rollout, n: number): Rollout {
  return names.reduce((state, device) => heard(state, device, report(n, 'ready')), rollout);
}

/** A device as the contract has it: what it has ready lies beside what it acts on. */
class SimulatedDevice {
  run = 0;
  online = true;
  /** Messages that are on their way here, and from here. */
  readonly inbox: { generation: number; name: string | undefined }[] = [];
  readonly outbox: ReportedState[] = [];
  wanted: { generation: number; name: string | undefined } | undefined;
  /** What is loaded, by generation. */
  readonly loaded = new Map<number, string | undefined>();
  acting: number | undefined;
  leased: number | undefined;

  take(): void {
    const next = this.inbox.shift();
    if (next === undefined || next.generation <= (this.wanted?.generation ?? -1)) return;
    this.wanted = next;
    this.say('fetching');
  }

  settle(phase: 'ready' | 'refused' | 'failed'): void {
    if (this.wanted === undefined || this.loaded.has(this.wanted.generation)) return;
    if (phase === 'ready') this.loaded.set(this.wanted.generation, this.wanted.name);
    this.say(phase);
    this.follow();
  }

  say(phase: AssignmentState['phase']): void {
    if (this.wanted === undefined) return;
    const assignments = this.wanted.name === undefined ? [] : [{ deployment: model, phase }];
    this.outbox.push({ session: session(this.run), wanted: g(this.wanted.generation), assignments });
  }

  lease(n: number): void {
    this.leased = Math.max(n, this.leased ?? 0);
    this.follow();
  }

  /** Acts on the newest that it has ready, up to what the lease names. */
  follow(): void {
    const able = [...this.loaded.keys()].filter((n) => n <= (this.leased ?? -1));
    this.acting = able.length === 0 ? undefined : Math.max(...able, this.acting ?? -1);
    for (const n of this.loaded.keys()) if (n < (this.acting ?? -1)) this.loaded.delete(n);
  }

  restart(): void {
    this.run += 1;
    Object.assign(this, { wanted: undefined, acting: undefined, leased: undefined });
    this.loaded.clear();
    this.outbox.length = 0;
  }

  /** Begins a request: with a lease for what it acts on. */
  begin(): number | undefined {
    return this.acting !== undefined && this.acting === this.leased ? this.acting : undefined;
  }

  /** Continues one of another device. */
  serve(n: number): string | undefined | 'stale' | 'not ready' {
    if (n < (this.acting ?? 0)) return 'stale';
    return this.loaded.has(n) ? this.loaded.get(n) : 'not ready';
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('take', 'report'), device: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ready' as const), device: fc.nat(2) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('lease', 'request', 'work'), device: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('refused', 'failed'), device: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('gone', 'back', 'restart'), device: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('propose', 'late', 'repeat'), device: fc.nat(7) }) },
);

/** A server and three devices, with messages under way between them. */
class World {
  readonly devices = names.map(() => new SimulatedDevice());
  rollout: Rollout = all(rolloutFrom(g(0), new Map()));
  readonly history = new Map<number, FleetAssignments>([[0, new Map()]]);
  readonly activated = [0];
  readonly everReady = new Map<number, Set<DeviceId>>();
  served = 0;

  change(next: Rollout): void {
    const before = this.rollout;
    this.rollout = next;
    if (next.newest !== before.newest) {
      this.history.set(next.newest, (next.attempt ?? next.active).assignments);
      this.publish();
    }
    if (next.active.generation !== before.active.generation) {
      // All or nothing: whoever got something new had it ready.
      const changed = [...next.active.assignments].filter(
        ([device, own]) => JSON.stringify(own) !== JSON.stringify(before.active.assignments.get(device)),
      );
      const ready = this.everReady.get(next.active.generation) ?? new Set();
      for (const [device] of changed) expect(ready.has(device)).toBe(true);
      expect(next.active.assignments).toEqual(this.history.get(next.active.generation));
      expect(next.active.generation).toBeGreaterThan(Math.max(...this.activated));
      this.activated.push(next.active.generation);
    }
    if (before.attempt?.problem !== undefined && next.attempt !== before.attempt) {
      expect(next.attempt?.kind ?? 'restore').toBe('restore');
      expect(this.history.get(next.newest)).toEqual(before.active.assignments);
    }
    if (next.attempt?.problem !== undefined) this.change(restore(next, g(next.newest + 1)));
  }

  publish(): void {
    for (const [i, device] of this.devices.entries()) {
      const desired = desiredOf(this.rollout, names[i] as DeviceId);
      device.inbox.push({ generation: desired.generation, name: desired.assignments[0]?.model.name });
    }
  }

  do({ kind, device: n }: { kind: string; device: number }): void {
    const device = this.devices[n % 3] as SimulatedDevice;
    const id = names[n % 3] as DeviceId;
    if (kind === 'propose') {
      if (this.rollout.attempt !== undefined) return;
      const chosen = names.filter((_, i) => ((n >> i) & 1) === 1);
      this.change(propose(this.rollout, g(this.rollout.newest + 1), version(`v${this.rollout.newest + 1}`, chosen)));
    } else if (kind === 'late') {
      this.change(giveUp(this.rollout, { code: 'CUT_DEADLINE', message: 'too late' }));
    } else if (kind === 'gone') {
      device.online = false;
      this.change(gone(this.rollout, id));
    } else if (kind === 'restart') {
      device.restart();
      this.back(device, id);
    } else if (kind === 'back' || kind === 'repeat') {
      this.back(device, id);
    } else if (!device.online) {
      return;
    } else if (kind === 'work') {
      for (const part of ['take', 'ready', 'report', 'report', 'lease']) this.do({ kind: part, device: n });
    } else if (kind === 'take') {
      device.take();
    } else if (kind === 'ready' || kind === 'refused' || kind === 'failed') {
      device.settle(kind);
    } else if (kind === 'report') {
      const said = device.outbox.shift();
      if (said === undefined) return;
      if (said.assignments.every(({ phase }) => phase === 'ready')) {
        this.everReady.set(said.wanted ?? 0, (this.everReady.get(said.wanted ?? 0) ?? new Set()).add(id));
      }
      this.change(heard(this.rollout, id, said));
    } else if (kind === 'lease') {
      device.lease(leasedGeneration(this.rollout));
    } else if (kind === 'request') {
      this.request(device);
    }
  }

  /** The broker keeps the newest of each: it comes again with a new connection. */
  back(device: SimulatedDevice, id: DeviceId): void {
    device.online = true;
    this.change(came(this.rollout, id, session(device.run)));
    const desired = desiredOf(this.rollout, id);
    device.inbox.push({ generation: desired.generation, name: desired.assignments[0]?.model.name });
  }

  /** Every device that has a part in the generation serves it under that, or refuses. */
  request(first: SimulatedDevice): void {
    const n = first.begin();
    if (n === undefined) return;
    expect(this.activated).toContain(n);
    const path = this.history.get(n);
    for (const [i, device] of this.devices.entries()) {
      if (!path?.has(names[i] as DeviceId)) continue;
      const answer = device.online ? device.serve(n) : 'not ready';
      if (answer === 'stale' || answer === 'not ready') return;
      expect(answer).toBe(path.get(names[i] as DeviceId)?.[0]?.model.name);
    }
    this.served += 1;
  }
}

describe('whatever order reports, losses and returns come in', () => {
  it('becomes active all or nothing, one generation serves a request, and failed ones never do', () => {
    let served = 0;
    let activations = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 120 }), (steps) => {
        const world = new World();
        for (const next of steps) world.do(next);
        served += world.served;
        activations += world.activated.length - 1;
      }),
      { numRuns: 1_500 },
    );
    // The law says nothing where nothing happens.
    expect(activations).toBeGreaterThan(300);
    expect(served).toBeGreaterThan(300);
  });

  it('comes to an end once all are there and able', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const world = new World();
        for (const next of steps) world.do(next);
        for (let n = 0; n < 3; n++) world.do({ kind: 'back', device: n });
        for (let round = 0; round < 40; round++) {
          for (const kind of ['take', 'ready', 'report', 'lease']) {
            for (let n = 0; n < 3; n++) world.do({ kind, device: n });
          }
        }
        expect(world.rollout.attempt).toBeUndefined();
        expect(leasedGeneration(world.rollout)).toBe(world.rollout.newest);
      }),
      { numRuns: 500 },
    );
  });
});
