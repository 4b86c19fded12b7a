import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultFleet, FleetShape } from './fault-fleet.testing.js';
import type { FaultModel } from './model.testing.js';

/** Something that goes wrong while requests come. */
export interface Fault {
  readonly name: string;
  /** Why it cannot be tried here. */
  readonly missing?: string | undefined;
  begin(fleet: FaultFleet): Promise<void> | void;
  /** What an operator, a supervisor or time mends. */
  end(fleet: FaultFleet): Promise<void> | void;
  /** What is wrong with how the fleet took it, beyond its answers. */
  check?(fleet: FaultFleet): readonly string[];
}

export interface FaultsOptions {
  readonly shape: FleetShape;
  readonly model: FaultModel;
  /** How long what is stopped or cut stays so. */
  readonly stopS: number;
  readonly cutS: number;
}

/** All that can happen to a fleet of this shape. */
export function faultsOf({
  shape,
  model,
  stopS,
  cutS,
}: FaultsOptions): readonly (Fault & { readonly lastsS: number })[] {
  const broker = { name: 'the broker killed', begin: (fleet: FaultFleet) => fleet.killBroker(), lastsS: cutS / 2 };
  return [
    {
      name: 'an agent killed',
      begin: (fleet) => fleet.first.kill(),
      end: (fleet) => fleet.first.restart(),
      lastsS: cutS / 2,
    },
    {
      name: shape.servers === 1 ? 'the server killed, and the broker with it' : 'the leading server killed',
      begin: (fleet) => fleet.server.kill(),
      end: (fleet) => fleet.server.restart(),
      lastsS: cutS / 2,
    },
    ...(shape.servers === 2 ? [{ ...broker, end: (fleet: FaultFleet) => fleet.startBroker() }] : []),
    {
      name: `the links cut for ${cutS} s`,
      begin: (fleet) => fleet.cut(),
      end: (fleet) => fleet.heal(),
      lastsS: cutS,
    },
    {
      name: 'the link at 1 % of its rate',
      begin: (fleet) => fleet.slowDown(),
      end: (fleet) => fleet.speedUp(),
      lastsS: cutS,
    },
    { ...fullDisk(shape, model), lastsS: cutS },
    {
      name: "an agent's clock an hour ahead",
      missing: shape.fakeTime === undefined ? 'faketime is not installed' : undefined,
      begin: (fleet) => fleet.setClock(1),
      end: (fleet) => fleet.setClock(0),
      lastsS: cutS,
    },
    {
      name: `an agent stopped for ${stopS} s`,
      begin: (fleet) => fleet.first.stop(),
      end: (fleet) => fleet.first.continue(),
      lastsS: stopS,
    },
    {
      name: `the ${shape.servers === 1 ? '' : 'leading '}server stopped for ${stopS} s`,
      begin: (fleet) => fleet.server.stop(),
      end: (fleet) => fleet.server.continue(),
      lastsS: stopS,
    },
  ];
}

/** The disk of an agent is full, and then it is to take another model. */
function fullDisk({ mayMount }: FleetShape, { path, at }: FaultModel): Fault {
  const other = join(tmpdir(), `cutpoint-other-${process.pid}.onnx`);
  let phase = '';
  return {
    name: "an agent's disk full, and another model deployed",
    missing: mayMount ? undefined : 'nothing can be mounted',
    async begin(fleet) {
      await fleet.fillDisk(true);
      await sleep(500);
      // The model with a comment at its end (ModelProto.doc_string): another file, so another model.
      await writeFile(other, Buffer.concat([await readFile(path), Buffer.from([0x32, 1, 0x78])]));
      await fleet.deploy('other', other, at);
    },
    async end(fleet) {
      phase = (await fleet.status()).rollout.phase;
      await fleet.fillDisk(false);
    },
    check: () => (phase === 'active' ? ['A model was deployed to a full disk.'] : []),
  };
}
