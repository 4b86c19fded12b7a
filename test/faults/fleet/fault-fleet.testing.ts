import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmulatedLink, LinkParameters } from '@cutpoint/testbed';
import { openProxyLink } from '@cutpoint/testbed';
import { Process } from '../../processes.testing.js';
import { CutRelay } from '../cut-relay.testing.js';
import type { Entry } from './fleet-load.testing.js';
import type { FaultModel } from './model.testing.js';
import { eventually, Supervised } from './supervised.testing.js';

export const deployment = 'steady';
const fast = rate(100);
const slow = rate(1);
/** More than what is deployed takes, and little enough to be filled in a moment. */
const diskMb = 24;
const mosquittoReadyMs = 200;

export interface FleetShape {
  /** One leads; another joins it. With two, the broker is Mosquitto. */
  readonly servers: 1 | 2;
  readonly mayMount: boolean;
  /** The library of faketime, where it is installed. */
  readonly fakeTime: string | undefined;
}

/** Servers, agents and a broker as processes, with links between them that can be cut and slowed down. */
export class FaultFleet implements AsyncDisposable {
  readonly servers: Entry[] = [];
  readonly agents: Entry[] = [];
  /** Where requests for the first server pass, and what the first agent says to the broker. */
  readonly cuts: CutRelay[] = [];
  readonly shape: FleetShape;
  link!: EmulatedLink; // set by open
  mosquitto: Process | undefined;
  readonly #folder: string;
  readonly #opened: AsyncDisposable[] = [];
  readonly #brokerPort: number;

  private constructor(shape: FleetShape, folder: string, brokerPort: number) {
    this.shape = shape;
    this.#folder = folder;
    this.#brokerPort = brokerPort;
  }

  static async open(shape: FleetShape, model: FaultModel): Promise<FaultFleet> {
    const folder = await mkdtemp(join(tmpdir(), 'cutpoint-faults-'));
    const fleet = new FaultFleet(shape, folder, await freePort());
    try {
      await fleet.#start();
      await fleet.#deploy(model);
      await fleet.whole();
      return fleet;
    } catch (thrown) {
      const said = fleet.log();
      await fleet[Symbol.asyncDispose]();
      throw new Error(`The fleet did not start; it said:\n${said}`, { cause: thrown });
    }
  }

  /** The last lines of all logs. */
  log(): string {
    const of = ({ daemon }: Entry) => `${daemon.name}:\n${daemon.process.stderr.split('\n').slice(-40).join('\n')}`;
    return [...this.servers, ...this.agents].map(of).join('\n');
  }

  /** The agent whose way to the broker can be cut. */
  get first(): Supervised {
    return entry(this.agents, 0);
  }

  /** The agent whose disk and clock are its own. */
  get second(): Supervised {
    return entry(this.agents, 1);
  }

  get server(): Supervised {
    return entry(this.servers, 0);
  }

  async slowDown(): Promise<void> {
    await this.link.set(slow);
  }

  async speedUp(): Promise<void> {
    await this.link.set(fast);
  }

  cut(): void {
    for (const relay of this.cuts) relay.cut();
  }

  heal(): void {
    for (const relay of this.cuts) relay.heal();
  }

  async killBroker(): Promise<void> {
    this.mosquitto?.kill('SIGKILL');
    await this.mosquitto?.exit();
  }

  startBroker(): void {
    this.mosquitto = new Process(['-c', join(this.#folder, 'mosquitto.conf')], {}, ['mosquitto']);
  }

  async setClock(aheadHours: number): Promise<void> {
    await writeFile(this.#clock, `+${aheadHours}h\n`);
  }

  async fillDisk(full: boolean): Promise<void> {
    await writeFile(join(this.#folder, 'full'), full ? 'yes' : 'no');
  }

  /** Until all devices have their lease and act on the same generation, and their links are up. */
  async whole(): Promise<void> {
    for (const { daemon } of [...this.servers, ...this.agents]) {
      await daemon.ready();
      daemon.rose();
    }
    const daemons = [...this.servers, ...this.agents].map(({ daemon }) => daemon);
    const health = () => Promise.all(daemons.map(async (daemon) => await healthOf(await daemon.process.url())));
    let last: readonly Health[] = [];
    const isSo = (all: readonly Health[]) => {
      last = all;
      return all.every((one) => isWell(one, all));
    };
    await eventually(health, isSo, 'the whole fleet is well again').catch((cause: unknown) => {
      throw new Error(`The fleet does not become well again: ${JSON.stringify(last)}`, { cause });
    });
  }

  async post(path: string, json: unknown): Promise<unknown> {
    const { url } = this.servers[0] as Entry; // there is one at least
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return await answer.json();
  }

  async status(): Promise<Status> {
    const answer = await fetch(`${(this.servers[0] as Entry).url}/v1/status`);
    return (await answer.json()) as Status;
  }

  /** Deploys so that agents ask the servers in turn and then answer alone, and servers answer callers by themselves. */
  async deploy(name: string, path: string, at: number): Promise<void> {
    const bytes = await readFile(path);
    const hash = createHash('sha256').update(bytes).digest('hex');
    const { url } = this.servers[0] as Entry;
    const sent = await fetch(`${url}/v1/files/${hash}?offset=0&bytes=${bytes.length}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    });
    if (!sent.ok) throw new Error(`A file was not taken: ${sent.status} ${await sent.text()}`);
    const whole = { at: [], codecs: [], chain: [] };
    const at2 = (device: string) => ({ at: [at], codecs: ['raw'], chain: [device] });
    const servers = this.servers.map(({ daemon }) => daemon.name);
    const ladders = [
      ...this.agents.map(({ daemon }) => ({ device: daemon.name, ladder: [...servers.map(at2), whole] })),
      ...servers.map((device) => ({ device, ladder: [whole] })),
    ];
    await this.post('/v1/deployments', { name, model: { name, hash, dims: { N: 1 } }, ladders });
  }

  async #deploy({ path, at }: FaultModel): Promise<void> {
    const names = [...this.servers, ...this.agents].map(({ daemon }) => daemon.name);
    const online = async () => (await this.status()).devices.online;
    await eventually(online, (count) => count === names.length, 'all devices have joined');
    await this.deploy(deployment, path, at);
    const phase = async () => (await this.status()).rollout;
    const { problem } = await eventually(phase, isOver, 'it is deployed');
    if (problem !== undefined) throw new Error(JSON.stringify(problem));
  }

  async #start(): Promise<void> {
    const broker = `mqtt://127.0.0.1:${this.#brokerPort}`;
    if (this.shape.servers === 2) {
      const conf = `listener ${this.#brokerPort} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n`;
      await writeFile(join(this.#folder, 'mosquitto.conf'), conf);
      this.startBroker();
      this.#opened.push({ [Symbol.asyncDispose]: async () => this.mosquitto?.[Symbol.asyncDispose]() });
      await new Promise((resolve) => setTimeout(resolve, mosquittoReadyMs));
    }
    const wire = `ws://127.0.0.1:${await freePort()}`;
    this.link = this.#open(await openProxyLink({ target: wire, parameters: fast }));
    const wireRelay = this.#open(await CutRelay.open(this.link.url));
    const brokerRelay = this.#open(await CutRelay.open(broker));
    this.cuts.push(wireRelay, brokerRelay);
    const own = this.shape.servers === 2 ? ['--broker', broker] : ['--mqtt', broker];
    const lead = ['--fleet', join(this.#folder, 'server'), '--addresses', wireRelay.url, ...own];
    await this.#serve('server', [...lead, '--listen', wire]);
    await this.server.ready();
    if (this.shape.servers === 2) {
      const state = join(this.#folder, 'server-2');
      const listen = `ws://127.0.0.1:${await freePort()}`;
      await this.#serve('server-2', ['--join', broker, '--state', state, '--listen', listen]);
    }
    await this.#agent('agent-1', brokerRelay.url);
    await writeFile(this.#clock, '+0h\n');
    await this.fillDisk(false);
    await this.#agent('agent-2', broker, this.#mounted(join(this.#folder, 'agent-2')), this.#fakeTime());
    await Promise.all([...this.servers, ...this.agents].map(({ daemon }) => daemon.ready()));
  }

  async #serve(name: string, args: readonly string[]): Promise<void> {
    const http = `127.0.0.1:${await freePort()}`;
    const daemon = this.#open(new Supervised(name, ['serve', ...args, '--name', name, '--http', http, ...common]));
    this.servers.push({ daemon, url: `http://${http}` });
  }

  async #agent(
    name: string,
    broker: string,
    program?: ConstructorParameters<typeof Supervised>[2],
    env?: Record<string, string>,
  ): Promise<void> {
    const url = `ws://127.0.0.1:${await freePort()}`;
    const state = join(this.#folder, name);
    await mkdir(state, { recursive: true });
    const args = ['agent', '--fleet', broker, '--name', name, '--listen', url, '--state', state, ...common];
    this.agents.push({ daemon: this.#open(new Supervised(name, args, program, env)), url });
  }

  /** Runs a program with a small disk of its own in a folder, which is filled and emptied as the file `full` says. */
  #mounted(folder: string): ConstructorParameters<typeof Supervised>[2] {
    if (!this.shape.mayMount) return undefined;
    const script = `
      mount -t tmpfs -o size=${diskMb}m tmpfs "$1"
      (while [ -e "$2" ]; do
        if [ "$(cat "$2")" = yes ]; then [ -e "$1/more" ] || head -c ${diskMb}M /dev/zero > "$1/more" 2>/dev/null
        else rm -f "$1/more"; fi
        sleep 0.2
      done) </dev/null >/dev/null 2>&1 &
      shift 2
      exec "$@"`;
    const [node, cutpoint] = [process.execPath, cutpointPath];
    return ['unshare', '-rm', 'sh', '-c', script, 'sh', folder, join(this.#folder, 'full'), node, cutpoint];
  }

  #fakeTime(): Record<string, string> {
    const { fakeTime } = this.shape;
    if (fakeTime === undefined) return {};
    return {
      LD_PRELOAD: fakeTime,
      FAKETIME_TIMESTAMP_FILE: this.#clock,
      FAKETIME_CACHE_DURATION: '1',
      // Clocks that never go back go on: it is the wall clock that is off.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
  }

  get #clock(): string {
    return join(this.#folder, 'clock');
  }

  #open<T extends AsyncDisposable>(resource: T): T {
    this.#opened.push(resource);
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { daemon } of [...this.servers, ...this.agents]) if (daemon.down) daemon.continue();
    for (const opened of this.#opened.reverse()) await opened[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface Status {
  readonly devices: { readonly online: number };
  readonly rollout: { readonly phase: string; readonly generation: number; readonly problem?: unknown };
}

interface Health {
  readonly leased: boolean;
  readonly generation: number;
  readonly deployments: readonly string[];
  readonly links: readonly { readonly up: boolean }[];
}

const common = ['--json', '--connect-timeout-ms', '1000', '--log-format', 'json'];
const cutpointPath = new URL('../../../packages/cli/bin/cutpoint.js', import.meta.url).pathname;

function isWell(one: Health, all: readonly Health[]): boolean {
  const same = one.generation === all[0]?.generation && one.deployments.includes(deployment);
  return one.leased && same && one.links.every(({ up }) => up);
}

async function healthOf(url: string): Promise<Health> {
  const page = await fetch(`${url.replace(/^ws/, 'http')}/readyz`, { signal: AbortSignal.timeout(5_000) });
  return (await page.json()) as Health;
}

function entry(all: readonly Entry[], index: number): Supervised {
  const found = all[index];
  if (found === undefined) throw new Error('The fleet is not started.');
  return found.daemon;
}

function rate(mbit: number): LinkParameters {
  const direction = { rateMbit: mbit, delayMs: 1, jitterMs: 0, lossPct: 0 };
  return { up: direction, down: direction };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('There is no port.');
  return address.port;
}

function isOver({ phase, generation }: Status['rollout']): boolean {
  return generation > 0 && ['active', 'refused', 'failed'].includes(phase);
}
