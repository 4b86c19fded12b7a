import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ClusterEvent,
  type ClusterModel,
  type ClusterModelOptions,
  openClusterModel,
  topologies,
} from '@cutpoint/cluster';
import { generate, type LanguageModel, openLanguageModel, type TokenDecoder } from '@cutpoint/llm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { wrenFolder, wrenIsHere } from '../packages/llm/src/text/wren.testing.js';
import { makeCertificate } from '../packages/wire/src/certificates.testing.js';
import { CuttableLink } from './cuttable-link.testing.js';
import { cutpoint, type Process, until } from './processes.testing.js';

const prompts = ['In the beginning', 'The king said unto', 'And it came to pass'];
const maxTokens = 48;
/** How TLS begins: a record with a ClientHello (RFC 8446, sections 4.1.2 and 5.1), in hexadecimal. */
const clientHello = /160301.{4}01.{6}0303/;

let folder: string;
let wren: string;
const expected = new Map<string, readonly number[]>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cutpoint-cluster-'));
  if (!wrenIsHere) return;
  wren = join(folder, 'wren');
  await using importing = cutpoint(['llm', 'import', wrenFolder, '--bits', '32', '--out', wren, '--json']);
  expect(await importing.exit()).toBe(0);
  await using alone = await openLanguageModel(wren);
  for (const prompt of prompts) expected.set(prompt, await textOf(alone, prompt));
});
afterAll(() => rm(folder, { recursive: true }));

/** The tokens that follow a prompt. @param onToken called behind each. */
async function textOf(
  { decoder, tokenizer }: Pick<LanguageModel, 'tokenizer'> & { readonly decoder: TokenDecoder },
  prompt: string,
  onToken: (count: number) => void = () => {},
): Promise<number[]> {
  const tokens: number[] = [];
  for await (const next of generate(decoder, { prompt: tokenizer.encode(prompt), maxTokens })) {
    tokens.push(...next.tokens);
    onToken(tokens.length);
  }
  return tokens;
}

/** Ranks in processes of their own. They share a folder of shards, as those of `--local` do. */
function joined(count: number): Process[] {
  const args = ['cluster', 'join', '--listen', 'tcp://127.0.0.1:0', '--shards', join(folder, 'shards'), '--json'];
  return Array.from({ length: count }, () => cutpoint(args));
}

async function lead(urls: readonly string[], options: Partial<ClusterModelOptions> = {}): Promise<ClusterModel> {
  return await openClusterModel(wren, {
    others: urls.map((url) => ({ url })),
    shards: join(folder, 'shards'),
    allReduce: 'mesh',
    threads: 1,
    cache: 'f32',
    spin: false,
    ...options,
  });
}

/** Accepts connections, and closes them. */
async function breakingServer() {
  const server = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { host: '127.0.0.1', port, [Symbol.asyncDispose]: close };
}

async function dispose(processes: readonly Process[]): Promise<void> {
  await Promise.all(processes.map((each) => each[Symbol.asyncDispose]()));
}

describe.skipIf(!wrenIsHere)(`a cluster${wrenIsHere ? '' : ' (../shared/models/lm is missing)'}`, () => {
  it.each([
    ['2 ranks', 1, undefined],
    ['3 uneven ranks', 2, [2, 1, 1]],
    ['4 ranks', 3, undefined],
    ['5 ranks, more than heads of keys and values', 4, undefined],
  ] as const)('gives the greedy tokens of one process: %s', async (_, others, shares) => {
    const ranks = joined(others);
    try {
      const urls = await Promise.all(ranks.map((rank) => rank.url()));
      await using model = await lead(urls, { shares });
      for (const prompt of prompts) expect(await textOf(model, prompt)).toEqual(expected.get(prompt));
    } finally {
      await dispose(ranks);
    }
  });

  it('says which rank it cannot meet, where connections to it break, and does not stand still', async () => {
    await using breaking = await breakingServer();
    const [rank] = joined(1);
    if (rank === undefined) throw new Error('A rank is missing.');
    await using _ = rank;
    const { host, port } = breaking;
    const leading = lead([await rank.url()], { allReduce: 'auto', route: async () => ({ host, port }) });
    await expect(leading).rejects.toMatchObject({ code: expect.stringMatching(/^CUT_RANK_(MISSING|LOST)$/) });
  }, 40_000);

  it('gives them over connections that are encrypted, if the address of a rank is', async () => {
    const { cert, key } = await makeCertificate();
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    await writeFile(certFile, cert);
    await writeFile(keyFile, key, { mode: 0o600 });
    const links: CuttableLink[] = [];
    const tls = ['--tls-cert', certFile, '--tls-key', keyFile];
    const rankArgs = [
      'cluster',
      'join',
      '--listen',
      'tcps://127.0.0.1:0',
      '--shards',
      join(folder, 'shards'),
      '--json',
    ];
    await using rank = cutpoint([...rankArgs, ...tls]);
    try {
      await using model = await lead([], {
        others: [{ url: await rank.url(), tls: { ca: cert } }],
        route: async (_from, _to, address) => {
          const link = await CuttableLink.open(address.host, address.port);
          links.push(link);
          return { host: '127.0.0.1', port: link.port };
        },
      });
      const [prompt = ''] = prompts;
      expect(await textOf(model, prompt)).toEqual(expected.get(prompt));
      const passed = links.map((link) => Buffer.concat(link.passed).toString('hex'));
      expect(passed).toEqual([expect.stringMatching(clientHello)]);
    } finally {
      for (const link of links) await link[Symbol.asyncDispose]();
    }
  });

  it.each(topologies)('gives them with sums by %s', async (allReduce) => {
    const ranks = joined(3);
    try {
      const urls = await Promise.all(ranks.map((rank) => rank.url()));
      await using model = await lead(urls, { allReduce });
      const [prompt = ''] = prompts;
      expect(await textOf(model, prompt)).toEqual(expected.get(prompt));
    } finally {
      await dispose(ranks);
    }
  });

  it.each([
    ['is killed', 1],
    ['is killed', 2],
    ['is stopped', 1],
    ['is stopped', 2],
    ['is cut off', 1],
    ['is cut off', 2],
  ] as const)('goes on with the same text when a rank %s (rank %i), and notices within a second', async (fault, at) => {
    const ranks = joined(2);
    const links: CuttableLink[] = [];
    const linkTo = async (address: { host: string; port: number }) => {
      const link = await CuttableLink.open(address.host, address.port);
      links.push(link);
      return { host: '127.0.0.1', port: link.port };
    };
    try {
      const urls = await Promise.all(ranks.map((rank) => rank.url()));
      const { port } = await linkTo({ host: '127.0.0.1', port: Number(new URL(urls[at - 1] ?? '').port) });
      const named = urls.map((url, i) => (i === at - 1 ? `tcp://127.0.0.1:${port}` : url));
      const events: (ClusterEvent & { readonly atMs: number })[] = [];
      await using model = await lead(named, {
        onEvent: (event) => events.push({ ...event, atMs: performance.now() }),
        // All that goes to and from the rank passes links that can be cut.
        route: async (from, to, address) => (to === at || from === at ? await linkTo(address) : address),
      });
      let faultMs = 0;
      const tokens = await textOf(model, prompts[0] ?? '', (count) => {
        if (count !== 12) return;
        faultMs = performance.now();
        if (fault === 'is cut off') for (const link of links) link.cut();
        else ranks[at - 1]?.kill(fault === 'is killed' ? 'SIGKILL' : 'SIGSTOP');
      });
      expect(tokens).toEqual(expected.get(prompts[0] ?? ''));
      const lost = events.find(({ kind }) => kind === 'lost');
      expect(lost).toMatchObject({ rank: named[at - 1] });
      expect((lost?.atMs ?? 0) - faultMs).toBeLessThan(1_000);
      expect(events.at(-1)).toMatchObject({ kind: 'formed', ranks: [named[2 - at]] });
    } finally {
      await dispose(ranks);
      for (const link of links) await link[Symbol.asyncDispose]();
    }
  });

  it.each([
    ['1 and 2', [1, 2]],
    ['0 and 2', [0, 2]],
  ] as const)(
    'goes on without a rank when the link between ranks %s is cut, though both are there',
    async (_, ends) => {
      const ranks = joined(2);
      const links: CuttableLink[] = [];
      try {
        const urls = await Promise.all(ranks.map((rank) => rank.url()));
        const events: ClusterEvent[] = [];
        await using model = await lead(urls, {
          onEvent: (event) => events.push(event),
          route: async (from, to, address) => {
            if (from !== ends[0] || to !== ends[1]) return address;
            const link = await CuttableLink.open(address.host, address.port);
            links.push(link);
            return { host: '127.0.0.1', port: link.port };
          },
        });
        let cutAtMs = 0;
        let longestMs = 0;
        let lastMs = 0;
        const tokens = await textOf(model, prompts[0] ?? '', (count) => {
          const now = performance.now();
          if (cutAtMs > 0) longestMs = Math.max(longestMs, now - lastMs);
          lastMs = now;
          if (count !== 12) return;
          cutAtMs = now;
          for (const link of links) link.cut();
        });
        expect(tokens).toEqual(expected.get(prompts[0] ?? ''));
        expect(longestMs).toBeLessThan(8_000);
        const lost = events.filter(({ kind }) => kind === 'lost');
        expect(lost).toEqual([
          { kind: 'lost', rank: expect.any(String), reason: expect.objectContaining({ code: 'CUT_RANK_LOST' }) },
        ]);
        expect(lost).toMatchObject([{ reason: { message: expect.stringContaining('the link between them is cut') } }]);
      } finally {
        await dispose(ranks);
        for (const link of links) await link[Symbol.asyncDispose]();
      }
    },
  );

  it('has a rank that comes back take part in the next text', async () => {
    const ranks = joined(2);
    try {
      const urls = await Promise.all(ranks.map((rank) => rank.url()));
      const events: ClusterEvent[] = [];
      await using model = await lead(urls, { onEvent: (event) => events.push(event) });
      const tokens = await textOf(model, prompts[0] ?? '', (count) => {
        if (count === 12) ranks[0]?.kill('SIGKILL');
      });
      expect(tokens).toEqual(expected.get(prompts[0] ?? ''));
      expect(events.at(-1)).toMatchObject({ kind: 'formed', ranks: [urls[1]] });
      const listen = urls[0]?.replace(/\/$/, '') ?? '';
      ranks.push(cutpoint(['cluster', 'join', '--listen', listen, '--shards', join(folder, 'shards'), '--json']));
      await ranks.at(-1)?.url();
      for (let i = 0; i < 10 && !events.some(({ kind }) => kind === 'returned'); i++) {
        await sleep(1_000);
        expect(await textOf(model, prompts[1] ?? '')).toEqual(expected.get(prompts[1] ?? ''));
      }
      expect(events.slice(-2)).toMatchObject([
        { kind: 'returned', rank: urls[0] },
        { kind: 'formed', ranks: urls },
      ]);
      expect((await model.decoder.report()).map(({ rank }) => rank)).toEqual(['here', ...urls]);
    } finally {
      await dispose(ranks);
    }
  });

  it('goes on with all texts that are under way when a rank is killed', async () => {
    const ranks = joined(2);
    try {
      await using model = await lead(await Promise.all(ranks.map((rank) => rank.url())));
      const kill = (count: number) => count === 7 && ranks[1]?.kill('SIGKILL');
      const texts = prompts.map((prompt, i) => textOf(model, prompt, i === 0 ? kill : undefined));
      expect(await Promise.all(texts)).toEqual(prompts.map((prompt) => expected.get(prompt)));
    } finally {
      await dispose(ranks);
    }
  });

  it('goes on alone when all other ranks are killed', async () => {
    const ranks = joined(2);
    try {
      await using model = await lead(await Promise.all(ranks.map((rank) => rank.url())));
      const tokens = await textOf(model, prompts[1] ?? '', (count) => {
        if (count === 9) for (const rank of ranks) rank.kill('SIGKILL');
      });
      expect(tokens).toEqual(expected.get(prompts[1] ?? ''));
    } finally {
      await dispose(ranks);
    }
  });

  it('leaves its ranks free within five seconds when rank 0 is killed, and they take the next cluster', async () => {
    const ranks = joined(1);
    try {
      const [url = ''] = await Promise.all(ranks.map((rank) => rank.url()));
      const shards = ['--shards', join(folder, 'shards')];
      const long = ['--prompt', prompts[0] ?? '', '--max-tokens', '200', '--json'];
      await using first = cutpoint(['cluster', 'generate', wren, '--ranks', url, ...shards, ...long]);
      const left = () =>
        ranks[0]?.log().filter(({ msg }) => /rank 0|cluster ended|lost/i.test(String(msg))).length ?? 0;
      await until(() => ranks[0]?.log().some(({ msg }) => msg === 'joined a cluster') === true, 'the rank has joined');
      first.kill('SIGKILL');
      const from = performance.now();
      await until(() => left() > 0, 'the rank has left', 5_000);
      expect(performance.now() - from).toBeLessThan(5_000);
      await using model = await lead([url]);
      expect(await textOf(model, prompts[2] ?? '')).toEqual(expected.get(prompts[2] ?? ''));
    } finally {
      await dispose(ranks);
    }
  });

  it('goes on when a rank is killed while the others are brought together without another', async () => {
    const ranks = joined(3);
    try {
      let formed = 0;
      await using model = await lead(await Promise.all(ranks.map((rank) => rank.url())), {
        onEvent: ({ kind }) => {
          if (kind === 'lost') ranks[2]?.kill('SIGKILL');
          else formed++;
        },
      });
      const tokens = await textOf(model, prompts[0] ?? '', (count) => {
        if (count === 12) ranks[0]?.kill('SIGKILL');
      });
      expect(tokens).toEqual(expected.get(prompts[0] ?? ''));
      expect(formed).toBeGreaterThan(1);
    } finally {
      await dispose(ranks);
    }
  });

  it('names the rank that cannot be one, and leaves nothing running', async () => {
    const ranks = joined(1);
    try {
      const [url = ''] = await Promise.all(ranks.map((rank) => rank.url()));
      await expect(lead([url, 'tcp://127.0.0.1:9'])).rejects.toMatchObject({
        code: 'CUT_RANK_MISSING',
        message: expect.stringContaining('Rank 2 at tcp://127.0.0.1:9'),
      });
      await expect(lead([url], { shares: [1, 1, 1] })).rejects.toMatchObject({ code: 'CUT_USAGE' });
      await using busy = await lead([url]);
      await expect(lead([url])).rejects.toMatchObject({
        code: 'CUT_OVERLOADED',
        message: expect.stringContaining(`Rank 1 at ${url}`),
      });
      expect(await textOf(busy, prompts[0] ?? '')).toEqual(expected.get(prompts[0] ?? ''));
    } finally {
      await dispose(ranks);
    }
  });
});
