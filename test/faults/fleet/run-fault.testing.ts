import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployment, FaultFleet, type FleetShape } from './fault-fleet.testing.js';
import { type Fault, faultsOf } from './faults.testing.js';
import { FleetLoad } from './fleet-load.testing.js';
import { type FaultModel, faultModel } from './model.testing.js';
import { faultTable } from './table.testing.js';
import { type FaultReport, report } from './tally.testing.js';

/** `npm run bench:faults -- --rate 20` where a machine is too busy for more. */
const perSecond = Number(process.env.CUTPOINT_FAULT_RATE ?? 50);
const deadlineMs = 2_000;
/** Each run is as long as this; `npm run bench:faults -- --seconds 60` makes it longer. */
const seconds = Number(process.env.CUTPOINT_FAULT_SECONDS ?? 12);
const long = seconds >= 30;
const [stopS, cutS] = long ? [15, 10] : [4, 4];
const beforeS = long ? 10 : 3;
/** After a fault, and after its end, service must be as it can be within this. */
const backMs = 3_000;
/** A machine that is busy with something else loses requests by itself. */
const retry = long ? 0 : 2;
const startMs = 180_000;

const libraries = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1',
];

export function shapeOf(servers: 1 | 2): FleetShape {
  return {
    servers,
    mayMount: spawnSync('unshare', ['-rm', 'true']).status === 0,
    fakeTime: libraries.find((path) => existsSync(path)),
  };
}

export function hasMosquitto(): boolean {
  return spawnSync('mosquitto', ['-h']).error === undefined;
}

/** Defines a test for each fault, on one fleet of this shape after the other is well again. */
export function testFaults(title: string, servers: 1 | 2): void {
  const shape = shapeOf(servers);
  const reports: FaultReport[] = [];
  let model: FaultModel;
  let fleet: FaultFleet;
  describe(title, () => {
    beforeAll(async () => {
      model = await faultModel();
      fleet = await FaultFleet.open(shape, model);
      await warmUp(fleet, model);
    }, startMs);
    afterAll(async () => {
      await fleet?.[Symbol.asyncDispose]();
      await mkdir('.report', { recursive: true });
      await writeFile(
        `.report/fleet-faults-${servers}.json`,
        `${JSON.stringify({ title, seconds, perSecond, reports }, null, 2)}\n`,
      );
      process.stdout.write(
        `${title}, ${model.name}, ${perSecond}/s for ${seconds} s each, load average ${loadavg()[0]?.toFixed(1)}\n`,
      );
      process.stdout.write(`${faultTable(reports)}\n`);
    }, startMs);
    const named = { path: '', at: 0, name: '', questions: [] };
    for (const [index, { name, missing, lastsS }] of faultsOf({ shape, model: named, stopS, cutS }).entries()) {
      const skipped = missing === undefined ? '' : ` (skipped: ${missing})`;
      it.skipIf(missing !== undefined)(
        `goes on with ${name}${skipped}`,
        { retry, timeout: (seconds + 90) * 1_000 * (1 + retry) },
        async () => {
          const fault = faultsOf({ shape, model, stopS, cutS })[index];
          if (fault === undefined) throw new Error('There are as many faults as before.');
          await fleet.whole();
          const result = await runFault(fleet, fault, lastsS, model);
          reports.push(result);
          process.stdout.write(`${JSON.stringify(result)}\n`);
          if (process.env.CUTPOINT_FAULT_LOG !== undefined)
            await writeFile(process.env.CUTPOINT_FAULT_LOG, fleet.log());
          expect(result).toMatchObject({ wrong: 0, duplicated: 0, notes: [] });
          expect(result.lost).toEqual({});
          expect(result.backMs).toBeLessThan(backMs);
          expect(result.backAfterEndMs).toBeLessThan(backMs);
        },
      );
    }
  });
}

/** What has just started is slow. */
async function warmUp({ agents, servers }: FaultFleet, { questions }: FaultModel): Promise<void> {
  await using load = new FleetLoad({
    model: deployment,
    agents,
    servers,
    questions,
    perSecond: 10,
    deadlineMs: 10_000,
  });
  await sleep(3_000);
  await load.stop();
}

async function runFault(fleet: FaultFleet, fault: Fault, lastsS: number, model: FaultModel): Promise<FaultReport> {
  const { agents, servers } = fleet;
  const { questions } = model;
  await using load = new FleetLoad({ model: deployment, agents, servers, questions, perSecond, deadlineMs });
  const { startMs } = load;
  await sleep(beforeS * 1_000);
  const faultMs = performance.now();
  await fault.begin(fleet);
  await sleep(lastsS * 1_000 - (performance.now() - faultMs));
  await fault.end(fleet);
  const endMs = performance.now();
  await sleep(seconds * 1_000 - (performance.now() - startMs));
  const sent = await load.stop();
  const stopMs = sent.at(-1)?.atMs ?? startMs;
  return report(fault.name, sent, { startMs, faultMs, endMs, stopMs }, deadlineMs, fault.check?.(fleet) ?? []);
}
