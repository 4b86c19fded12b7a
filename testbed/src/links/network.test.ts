import { execFileSync } from 'node:child_process';
import { scenarioSchema } from '@cutpoint/plan';
import { describe, expect, it } from 'vitest';
import { statedScenario } from '../scenarios/stated-scenario.js';
import { netemChange, netnsPlan } from './netns-commands.js';
import { openNetwork } from './network.js';
import { whyNoNetns } from './probe-netns.js';
import { connectTcp, openTcpServer } from './tcp-probe.testing.js';

const obstacle = await whyNoNetns();
const said = scenarioSchema.parse({
  name: 's',
  title: 's',
  devices: [{ id: 'a' }, { id: 'b' }],
  links: [{ from: 'a', to: 'b', rateMbit: 100, delayMs: 5, down: { delayMs: 8 } }],
});
const scenario = statedScenario(said);
const parameters = {
  up: { rateMbit: 5, delayMs: 200, jitterMs: 0, lossPct: 0 },
  down: { rateMbit: 10, delayMs: 0.094, jitterMs: 0.5, lossPct: 1 },
};

describe('the commands of a network in the kernel', () => {
  it('put each device but the first in a namespace and netem at both ends of each link', () => {
    const { setUp, tearDown, farAddresses, prefixes } = netnsPlan('ab12', 2, [{ from: 0, to: 1, parameters }]);
    expect(setUp.map((command) => command.join(' '))).toEqual([
      'ip netns add cut-ab12-1',
      'ip -n cut-ab12-1 link set lo up',
      'ip link add cab12n0 type veth peer name cab12f0',
      'ip address add 10.213.0.1/24 dev cab12n0',
      'ip link set cab12n0 up',
      'tc qdisc add dev cab12n0 root netem limit 1000 delay 200000us rate 5000000bit',
      'ip link set cab12f0 netns cut-ab12-1',
      'ip -n cut-ab12-1 address add 10.213.0.2/24 dev cab12f0',
      'ip -n cut-ab12-1 link set cab12f0 up',
      'tc -n cut-ab12-1 qdisc add dev cab12f0 root netem limit 1000 delay 94us 500us loss 1% rate 10000000bit',
    ]);
    expect(tearDown).toEqual([['ip', 'netns', 'delete', 'cut-ab12-1']]);
    expect(farAddresses).toEqual(['10.213.0.2']);
    expect(prefixes).toEqual([[], ['ip', 'netns', 'exec', 'cut-ab12-1']]);
  });

  it('change both ends of a link, wherever they are', () => {
    const commands = netemChange('ab12', 3, { from: 1, to: 2, parameters }).map((command) => command.join(' '));
    expect(commands[0]).toMatch(/^tc -n cut-ab12-1 qdisc change dev cab12n3 root netem .*rate 5000000bit$/);
    expect(commands[1]).toMatch(/^tc -n cut-ab12-2 qdisc change dev cab12f3 root netem .*rate 10000000bit$/);
  });

  it('let the queue hold what is under way on a long fast link', () => {
    const long = { ...parameters.up, rateMbit: 1000 };
    const { setUp } = netnsPlan('x', 2, [{ from: 0, to: 1, parameters: { up: long, down: long } }]);
    expect(setUp.flat()).toContain('25000');
  });
});

describe('the probe for namespaces', () => {
  it('says what is missing, and leaves nothing behind', async () => {
    const tried: string[] = [];
    const missing = await whyNoNetns(async (command) => {
      tried.push(command.join(' '));
      if (command.includes('netem')) throw new Error('"tc" failed: Specified qdisc kind is unknown.');
    });
    expect(missing).toBe('this kernel has no netem (the module sch_netem)');
    expect(tried.at(-1)).toMatch(/^ip netns delete cut-probe-/);
    const fine = await whyNoNetns(async () => {});
    expect(fine).toBeUndefined();
    const absent = await whyNoNetns(async () => {
      throw new Error('spawn tc ENOENT');
    });
    expect(absent).toBe('the programs ip and tc (the package iproute2) are not installed');
  });

  it('cleans up on this machine too', () => {
    let list = '';
    try {
      list = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
    } catch {
      // Without the program there is nothing to list.
    }
    expect(list).not.toContain(`cut-probe-${process.pid}`);
  });
});

describe('a network', () => {
  it('falls back to the proxy and says why', async ({ skip }) => {
    if (obstacle === undefined) skip('this machine has netem');
    await using network = await openNetwork(scenario);
    expect(network.emulation).toBe('user-space-proxy');
    expect(network.notes.join()).toContain(obstacle);
    await using server = await openTcpServer();
    await using link = await network.open(0, server.url);
    using client = await connectTcp(link.url);
    await client.exchange(1, 1);
    expect(await client.exchange(1, 1)).toBeGreaterThan(12);
    expect([network.command(1), network.listen(0)]).toEqual([[], 'tcp://127.0.0.1:0']);
  });

  it('refuses namespaces that are asked for and not possible, in one sentence', async ({ skip }) => {
    if (obstacle === undefined) skip('this machine has netem');
    const refused = expect.objectContaining({
      code: 'CUT_EMULATION',
      message: expect.stringMatching(
        /^Network namespaces with netem are not possible here: [^\n]*--emulation proxy\)\.$/,
      ),
    });
    await expect(openNetwork(scenario, { emulation: 'netns' })).rejects.toThrow(refused);
  });

  it('takes the proxy where it is asked for, and for a trace', async () => {
    await using asked = await openNetwork(scenario, { emulation: 'proxy' });
    expect(asked.emulation).toBe('user-space-proxy');
    const traces = [{ points: [{ seconds: 0, rateMbit: 1 }], periodS: 1 }];
    await using traced = await openNetwork(scenario, { traces });
    expect(traced.notes.join()).toContain('trace');
  });
});
