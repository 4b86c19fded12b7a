/** Planning problems for the benchmark: like real models and devices, and made to be hard. The same ones on every run. */

/** A small generator of numbers from 0 to 1 (mulberry32), so that instances repeat. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const codecKinds = [
  { id: 'raw', share: 1, nsPerByte: 0, loss: 0 },
  { id: 'f16', share: 0.5, nsPerByte: 0.3, loss: 0.0005 },
  { id: 'u8', share: 0.25, nsPerByte: 0.5, loss: 0.004 },
  { id: 'u6', share: 0.19, nsPerByte: 0.9, loss: 0.01 },
  { id: 'u4', share: 0.125, nsPerByte: 1, loss: 0.03 },
  { id: 'u4-packed', share: 0.08, nsPerByte: 6, loss: 0.035 },
];

/** A convolutional network: crossings shrink with bumps, segments cost what their nodes cost. */
export function realistic({ seed, cuts = 500, rates = [12e6, 12e6, 12e6], slow = [6, 6, 3, 1] }) {
  const random = randomOf(seed);
  const nodeMs = Array.from({ length: cuts - 1 }, () => 0.02 + 0.4 * random() ** 3);
  const sum = [0];
  for (const ms of nodeMs) sum.push(sum.at(-1) + ms);
  const bytes = Array.from({ length: cuts }, (_, cut) => {
    const place = cut / (cuts - 1);
    return Math.round(3e6 * Math.exp(-6 * place) * (0.3 + random()) + 4000);
  });
  bytes[0] = 600_000;
  const memory = (from, to) => 20e6 + 15e6 * ((to - from) / cuts) + Math.max(bytes[from], bytes[to]);
  const devices = slow.map((factor, d) => ({
    id: `device-${d}`,
    edge: d < slow.length - 1,
    segmentMs: (from, to) => factor * (sum[to] - sum[from]) + 0.05,
    memoryBytes: memory,
    memoryLimitBytes: 1e9,
    power: { idleW: 2.5, busyW: 6.5, networkW: 0.6 },
    sharedBy: 1,
    arrivalHz: undefined,
  }));
  return chainOf(
    devices,
    rates,
    (cut, kind) => bytes[cut] * kind.share,
    (cut, kind, d) => (bytes[cut] * kind.nsPerByte * slow[d]) / 1e6,
    cuts,
  );
}

/** Every cost is drawn alone: segments do not add up, so nothing can be foreseen. */
export function adversarial({ seed, cuts = 500, count = 4 }) {
  const random = randomOf(seed);
  const table = (length, least, most) => Float64Array.from({ length }, () => least + (most - least) * random());
  const devices = Array.from({ length: count }, (_, d) => {
    const noise = table(cuts * cuts, 0.5, 1.5);
    const memory = table(cuts * cuts, 1e6, 1e8);
    return {
      id: `device-${d}`,
      edge: d < count - 1,
      segmentMs: (from, to) => noise[from * cuts + to] * (to - from) * 0.2,
      memoryBytes: (from, to) => memory[from * cuts + to],
      memoryLimitBytes: 1e9,
      power: { idleW: 1 + d, busyW: 10 - 2 * d, networkW: 1 },
      sharedBy: 1,
      arrivalHz: undefined,
    };
  });
  const bytes = table(cuts * 6, 1e3, 1e5);
  const codecMs = table(cuts * 6, 0, 2);
  const problem = chainOf(
    devices,
    Array.from({ length: count - 1 }, () => 1e6 + 9e6 * random()),
    (cut, _, __, k) => Math.round(bytes[cut * 6 + k]),
    (cut, _, __, k) => codecMs[cut * 6 + k],
    cuts,
  );
  const losses = table(cuts * 6, 0, 0.05);
  return {
    ...problem,
    codecs: problem.codecs.map((codec, k) => ({ ...codec, accuracyLoss: (cut) => losses[cut * 6 + k] })),
  };
}

function chainOf(devices, rates, bytesOf, codecMs, cuts) {
  const links = devices.map((_, a) =>
    devices.map((_, b) => {
      if (b <= a) return undefined;
      const direction = { fixedMs: 0.4 * (b - a), bytesPerS: Math.min(...rates.slice(a, b)) };
      return { id: `${a}-${b}`, up: direction, down: direction };
    }),
  );
  const codecs = codecKinds.map((kind, k) => ({
    id: kind.id,
    bytes: (cut) => Math.ceil(bytesOf(cut, kind, 0, k)),
    encodeMs: (cut, d) => codecMs(cut, kind, d, k),
    decodeMs: (cut, d) => codecMs(cut, kind, d, k) / 2,
    accuracyLoss: () => kind.loss,
  }));
  return { cuts, devices, links, codecs, answerBytes: Array.from({ length: cuts }, () => 4000) };
}
