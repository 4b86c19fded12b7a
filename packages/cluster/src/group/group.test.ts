import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CutpointError } from '@cutpoint/core';
import { afterEach, describe, expect, it } from 'vitest';
import { DataPort } from './data-port.js';
import { Faults } from './faults.js';
import { openGroup } from './group.js';
import { topologies } from './rank-group.js';
import { always, openPorts, sharedOptions, socketGroups, withGroups } from './socket-groups.testing.js';

const closing: Disposable[] = [];
afterEach(() => {
  for (const each of closing.splice(0)) each[Symbol.dispose]();
});

const ways = topologies.flatMap((topology) => [false, true].map((encrypts) => ({ topology, encrypts })));

const lost = (rank: number, why: RegExp) =>
  expect.objectContaining({
    code: 'CUT_RANK_LOST',
    message: expect.stringMatching(new RegExp(`^Rank ${rank} is lost: .*${why.source}`)),
  });

describe('a group', () => {
  it('hands rank 0’s messages to all others, and theirs to it', async () => {
    await withGroups(sharedOptions(3, always('mesh')), async ([zero, one, two]) => {
      zero?.broadcast(Uint8Array.of(1, 2, 3));
      expect(await one?.nextBroadcast(3)).toEqual(Uint8Array.of(1, 2, 3));
      expect(await two?.nextBroadcast(100)).toEqual(Uint8Array.of(1, 2, 3));
      one?.contribute(Float32Array.of(1.5));
      two?.contribute(Float32Array.of());
      expect(await zero?.collect([1, 0])).toEqual([Float32Array.of(1.5), Float32Array.of()]);
    });
  });

  it('tells what its calls cost', async () => {
    await withGroups(sharedOptions(2, always('mesh')), async ([zero, one]) => {
      const first = zero?.allReduce(new Float32Array(8));
      await sleep(60);
      await Promise.all([first, one?.allReduce(new Float32Array(8))]);
      const cost = zero?.takeCost();
      expect(cost).toMatchObject({ sentBytes: 44, receivedBytes: 44 });
      expect(cost?.waitMs).toBeGreaterThan(50);
      expect(cost?.totalMs).toBeGreaterThanOrEqual(cost?.waitMs ?? 0);
      expect(zero?.takeCost()).toEqual({ waitMs: 0, totalMs: 0, sentBytes: 0, receivedBytes: 0 });
    });
  });

  it('keeps the event loop turning while it waits, if it shall', async () => {
    await withGroups({ ...sharedOptions(2, always('mesh')), wait: 'spin' }, async ([zero, one]) => {
      const first = zero?.allReduce(new Float32Array(8));
      await sleep(20);
      await Promise.all([first, one?.allReduce(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8))]);
    });
  });

  it('notes whom it hears nonsense from, and nobody who is only gone', async () => {
    const faults = [0, 1, 2].map(() => new Faults(Faults.memory(3)));
    const ports = await openPorts(3);
    const options = { ...sharedOptions(3, always('mesh')), addresses: ports.map(({ address }) => address) };
    const groups = await Promise.all(
      ports.map((port, rank) => openGroup(port, { ...options, rank, ...(faults[rank] && { faults: faults[rank] }) })),
    );
    const summing = groups.map((group, rank) => group.allReduce(new Float32Array(rank === 2 ? 6 : 8)));
    await Promise.allSettled(summing);
    const [zero, one] = faults.map((each) => each.read());
    expect([...(zero ?? []), ...(one ?? [])]).toContain(2);
    expect(zero).not.toContain(1);
    expect(one).not.toContain(0);
    for (const group of groups) group.end(new Error('over'));
  });

  it('refuses a broadcast that is longer than it may be', async () => {
    await withGroups(sharedOptions(2, always('mesh')), async ([zero, one]) => {
      zero?.broadcast(new Uint8Array(11));
      await expect(one?.nextBroadcast(10)).rejects.toEqual(lost(0, /with 11 bytes where .* up to 10 bytes was due/));
    });
  });
});

describe('what ranks say', () => {
  const words = Buffer.from('what nobody else shall read, said by one rank to another');

  it.each([
    { encrypts: false, is: 'can be read on its way' },
    { encrypts: true, is: 'cannot be read on its way, if it is encrypted' },
  ])('$is', async ({ encrypts }) => {
    const ports = await openPorts(2);
    const seen: Buffer[] = [];
    const relay = await listeningRelay(ports[1]?.address.port ?? 0, (bytes) => seen.push(bytes));
    closing.push(relay);
    const addresses = [null, { host: '127.0.0.1', port: relay.port }];
    const options = { ...sharedOptions(2, always('mesh'), encrypts), addresses };
    const groups = await Promise.all(ports.map((port, rank) => openGroup(port, { ...options, rank })));
    groups[0]?.broadcast(words);
    expect(Buffer.from((await groups[1]?.nextBroadcast(100)) ?? [])).toEqual(words);
    await Promise.all(groups.map((group) => group[Symbol.asyncDispose]()));
    expect(Buffer.concat(seen).includes(words)).toBe(!encrypts);
  });

  it('is not taken from one that does not encrypt', async () => {
    const ports = await openPorts(2);
    const addresses = ports.map(({ address }) => address);
    const options = { ...sharedOptions(2, always('mesh')), addresses, openWithinMs: 1_000 };
    const opening = ports.map((port, rank) => openGroup(port, { ...options, rank, encrypts: rank === 1 }));
    const [zero, one] = await Promise.allSettled(opening);
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'CUT_RANK_MISSING' } });
    if (zero?.status === 'fulfilled')
      await expect(zero.value.allReduce(new Float32Array(1))).rejects.toEqual(lost(1, /closed|failed/));
  });
});

describe.each(ways)('an all-reduce in a $topology, encrypted: $encrypts', ({ topology, encrypts }) => {
  it('fails at all ranks, and names the one that is gone, if one of them is', async () => {
    const groups = await socketGroups(sharedOptions(4, always(topology), encrypts));
    const summing = groups.slice(0, 3).map((group) => group.allReduce(new Float32Array(100_000)));
    groups[3]?.end(new Error('killed'));
    const told = await Promise.all(summing.map((each) => each.catch((thrown: unknown) => thrown)));
    expect(told).toContainEqual(lost(3, /closed|failed/));
    for (const each of told) expect(each).toMatchObject({ code: 'CUT_RANK_LOST' });
    await expect(groups[0]?.allReduce(new Float32Array(1))).rejects.toMatchObject({ code: 'CUT_RANK_LOST' });
  });

  it('fails with the error that the group is ended with, and so does all that comes after', async () => {
    const groups = await socketGroups(sharedOptions(2, always(topology), encrypts));
    const error = new CutpointError('CUT_CANCELLED', 'Enough.');
    const summing = groups[0]?.allReduce(new Float32Array(10));
    const more = groups[0]?.allReduce(new Float32Array(10));
    groups[0]?.end(error);
    await expect(summing).rejects.toBe(error);
    await expect(more).rejects.toBe(error);
    await expect(groups[0]?.allReduce(new Float32Array(10))).rejects.toBe(error);
    groups[1]?.end(error);
  });

  it('notices that ranks are out of step', async () => {
    const groups = await socketGroups(sharedOptions(2, always(topology)));
    const [short, long] = [groups[1]?.allReduce(new Float32Array(6)), groups[0]?.allReduce(new Float32Array(8))];
    const told = await Promise.all([short, long].map((each) => each?.catch((thrown: unknown) => thrown)));
    expect(told).toContainEqual(
      lost(topology === 'star' || topology === 'tree' ? 1 : 0, /it sent .* bytes where .* bytes was due/),
    );
    for (const group of groups) group.end(new Error('over'));
  });
});

it('does not mistake one way to sum for another', async () => {
  const groups = await socketGroups(sharedOptions(2, always('mesh')));
  groups[1]?.useRules(always('ring'));
  const summing = groups.map((group) => group.allReduce(new Float32Array(8)).catch((thrown: unknown) => thrown));
  expect(await Promise.all(summing)).toContainEqual(lost(1, /\(ring, f32\).* where .*\(mesh, f32\)/));
  for (const group of groups) group.end(new Error('over'));
});

describe('opening a group', () => {
  it('waits for ranks that come late', async () => {
    const ports = await openPorts(3);
    const options = { ...sharedOptions(3, always('mesh')), addresses: ports.map(({ address }) => address) };
    const groups = await Promise.all(
      ports.map(async (port, rank) => {
        await sleep(100 * (2 - rank));
        return await openGroup(port, { ...options, rank });
      }),
    );
    await Promise.all(groups.map((group) => group.allReduce(new Float32Array(2))));
    for (const group of groups) await group[Symbol.asyncDispose]();
  });

  it('names the ranks that do not come, and leaves nothing open', async () => {
    const [mine, gone] = await openPorts(2);
    gone?.[Symbol.dispose]();
    const addresses = [mine?.address, mine?.address, gone?.address].map(
      (each) => each ?? { host: '127.0.0.1', port: 1 },
    );
    const options = { ...sharedOptions(3, always('mesh')), rank: 1, addresses, openWithinMs: 400 };
    const opening = mine === undefined ? undefined : openGroup(mine, options);
    await expect(opening).rejects.toMatchObject({
      code: 'CUT_RANK_MISSING',
      message: expect.stringMatching(/rank 0 has not dialled rank 1; rank 2 at 127.0.0.1:\d+: .*refused/i),
    });
    await expect(opened(mine?.address.port ?? 0)).resolves.toBe(false);
  });

  it.each([
    ['another key', { key: new Uint8Array(32) }, /another key/],
    ['another cluster', { id: new Uint8Array(16) }, /another cluster/],
  ])('refuses a rank with %s, which hears why', async (_, wrong, why) => {
    const [zero, one] = await openPorts(2);
    if (zero === undefined || one === undefined) return;
    const options = { ...sharedOptions(2, always('mesh')), addresses: [zero.address, one.address], openWithinMs: 500 };
    const first = openGroup(one, { ...options, rank: 1 });
    first.catch(() => {});
    const second = openGroup(zero, { ...options, rank: 0, secret: { ...options.secret, ...wrong } });
    await expect(second).rejects.toMatchObject({ code: 'CUT_RANK_REFUSED', message: expect.stringMatching(why) });
    await expect(first).rejects.toMatchObject({
      code: 'CUT_RANK_MISSING',
      message: expect.stringMatching(/rank 0 has not dialled rank 1.*1 others were turned away/),
    });
  });

  it('refuses one that counts another number of ranks', async () => {
    const [zero, one] = await openPorts(2);
    if (zero === undefined || one === undefined) return;
    const options = { ...sharedOptions(2, always('mesh')), addresses: [zero.address, one.address], openWithinMs: 500 };
    const first = openGroup(one, { ...options, rank: 1 });
    first.catch(() => {});
    await expect(openGroup(zero, { ...options, rank: 0, ranks: 3 })).rejects.toMatchObject({
      code: 'CUT_RANK_REFUSED',
    });
    await expect(first).rejects.toMatchObject({ code: 'CUT_RANK_MISSING' });
  });

  it('is not kept by strangers, who say nothing, rubbish, or too much', async () => {
    const ports = await openPorts(2);
    const options = { ...sharedOptions(2, always('mesh')), addresses: ports.map(({ address }) => address) };
    const [zero, one] = ports;
    if (zero === undefined || one === undefined) return;
    const first = openGroup(one, { ...options, rank: 1 });
    for (let i = 0; i < 20; i++) {
      const stranger = net.connect(one.address);
      stranger.on('error', () => {});
      closing.push({ [Symbol.dispose]: () => stranger.destroy() });
      if (i % 3 === 1) stranger.write('GET / HTTP/1.1\r\n\r\n');
      if (i % 3 === 2) stranger.write(Buffer.alloc(100_000, 7));
    }
    await sleep(50);
    const groups = await Promise.all([first, openGroup(zero, { ...options, rank: 0 })]);
    await Promise.all(groups.map((group) => group.allReduce(new Float32Array(2))));
    for (const group of groups) await group[Symbol.asyncDispose]();
  });

  it('is cancelled by a signal', async () => {
    const [port] = await openPorts(1);
    if (port === undefined) return;
    const stop = new AbortController();
    const options = { ...sharedOptions(2, always('mesh')), rank: 0, addresses: [port.address, port.address] };
    const opening = openGroup(port, { ...options, signal: stop.signal });
    stop.abort(new Error('Nobody wants it.'));
    await expect(opening).rejects.toThrow(/Nobody wants it/);
  });

  it('says that its address is taken', async () => {
    using port = await DataPort.open({ host: '127.0.0.1', port: 0 });
    await expect(DataPort.open(port.address)).rejects.toMatchObject({ code: 'CUT_BIND' });
  });
});

async function opened(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Passes bytes on to a port of this machine, and shows them. */
async function listeningRelay(to: number, onBytes: (bytes: Buffer) => void): Promise<Disposable & { port: number }> {
  const sockets: net.Socket[] = [];
  const server = net.createServer((from) => {
    const onward = net.connect(to, '127.0.0.1');
    sockets.push(from, onward);
    for (const [one, other] of [
      [from, onward],
      [onward, from],
    ] as const) {
      one.on('data', (bytes) => onBytes(Buffer.from(bytes)));
      one.on('error', () => other.destroy());
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
