import type { KernelSource } from '../../device/kernel.js';
import { drawWords } from '../draw.js';
import { infinityText, noToken } from './choose.js';
import { maxOverThreads, rowKernelText, sumOverThreads } from './row-text.js';

const threads = 256;

/**
 * Draws a token of each row of logits, as the sampler of language models does (`Draw`): penalty, the `topK` likeliest, of those the
 * nucleus `topP`, of those what `minP` leaves, and then the first, by id, whose sum of likelihoods passes the random share of all.
 * Nothing is sorted: a bound is found bit by bit (of scores as integers that have their order, then of ids among equal scores), so that a
 * filter costs some fifty passes over the row, and no memory. Sums are taken in f32. Penalised logits are written back.
 * `noToken` unless the largest is finite and all logits are numbers, behind the penalty.
 */
export function sampleKernel(size: number): KernelSource {
  return rowKernelText({
    label: 'sample',
    storage: [
      ['logits', 'write', 'array<f32>'],
      ['result', 'write', 'array<u32>'],
      ['draws', 'read', 'array<u32>'],
      ['histories', 'read', 'array<u32>'],
    ],
    threads,
    sharedBytes: 4 * (3 * threads + 1),
    declarations: `${sumOverThreads(threads)}${maxOverThreads(threads)}${declarations(size)}`,
    body: `
  let draw = group.y * ${drawWords}u;
  let flags = draws[draw + 7u];
  if ((flags & 1u) == 1u) { return; }
  first = group.y * ${size}u;
  let drawn = bitcast<f32>(draws[draw]);
  temperature = drawn;
  penalise(thread, draws[draw + 6u], flags >> 1u, bitcast<f32>(draws[draw + 4u]));
  let nonsense = findMost(thread);
  cutKey = 0u;
  cutId = ${size}u;
  if (drawn == 0.0) {
    narrow(thread, 1.0, true);
  } else {
    let topK = draws[draw + 5u];
    if (topK > 0u && topK < ${size}u) { narrow(thread, f32(topK), true); }
    let topP = bitcast<f32>(draws[draw + 1u]);
    if (topP < 1.0) { narrow(thread, topP * massOf(thread, 0u, false), false); }
    minP = bitcast<f32>(draws[draw + 2u]);
  }
  let token = pick(thread, bitcast<f32>(draws[draw + 3u]));
  if (thread == 0u) { result[group.y] = select(token, ${noToken}u, nonsense); }`,
  });
}

function declarations(size: number): string {
  const chunk = Math.ceil(size / threads);
  return `
var<private> first: u32;
var<private> temperature: f32;
var<private> most: f32;
/* Left are scores above the bound, and of those on it the ids below the other. */
var<private> cutKey: u32;
var<private> cutId: u32;
var<private> minP: f32 = 0.0;
var<workgroup> chunkSums: array<f32, ${threads}>;

fn penalise(thread: u32, begin: u32, count: u32, penalty: f32) {
  for (var i = thread; i < count; i += ${threads}u) {
    let at = first + histories[begin + i];
    let score = logits[at];
    logits[at] = select(score * penalty, score / penalty, score > 0.0);
  }
  storageBarrier();
  workgroupBarrier();
}

${infinityText}

/* Whether no token can be chosen. */
fn findMost(thread: u32) -> bool {
  var own = -0x1.fffffep+127f;
  /* 0: forbidden tokens only; 1: finite logits as well; 2: nonsense. */
  var found = 0.0;
  for (var i = thread; i < ${size}u; i += ${threads}u) {
    let value = logits[first + i];
    let bits = bitcast<u32>(value);
    if (isNonsense(bits)) { found = 2.0; continue; }
    if (bits == minusInfinity) { continue; }
    found = max(found, 1.0);
    own = max(own, value);
  }
  most = maxOver(thread, own);
  return maxOver(thread, found) != 1.0;
}

fn keyOf(score: f32) -> u32 {
  var bits = bitcast<u32>(score);
  /* Both zeros are equal. */
  if (bits == 0x80000000u) { bits = 0u; }
  return bits ^ select(0x80000000u, 0xffffffffu, (bits >> 31u) == 1u);
}

fn weightOf(score: f32) -> f32 {
  /* Of the largest no error of exp may take anything, or a filter could leave nothing. */
  if (temperature == 0.0 || score == most) { return 1.0; }
  let apart = score - most;
  /* Nothing is divided that would become infinite. */
  if (!(apart >= -87.0 * temperature)) { return 0.0; }
  return exp(max(apart / temperature, -87.0));
}

fn isLeft(id: u32, key: u32) -> bool {
  return key > cutKey || (key == cutKey && id < cutId);
}

/* Of those left with a key of at least so much: how many, or their weight. */
fn massOf(thread: u32, least: u32, counted: bool) -> f32 {
  var own = 0.0;
  for (var id = thread; id < ${size}u; id += ${threads}u) {
    let score = logits[first + id];
    let key = keyOf(score);
    if (key >= least && isLeft(id, key)) { own += select(weightOf(score), 1.0, counted); }
  }
  return sumOver(thread, own);
}

fn tiesBefore(thread: u32, key: u32, before: u32) -> f32 {
  var own = 0.0;
  for (var id = thread; id < before; id += ${threads}u) {
    if (keyOf(logits[first + id]) == key && isLeft(id, key)) { own += 1.0; }
  }
  return sumOver(thread, own);
}

/* Leaves the fewest of the likeliest whose mass is as much as is due, of equals those of lower ids. */
fn narrow(thread: u32, due: f32, counted: bool) {
  var bound = 0u;
  for (var bit = 0x80000000u; bit > 0u; bit >>= 1u) {
    let mass = massOf(thread, bound | bit, counted);
    /* Something is always left. */
    let enough = mass >= due && mass > 0.0;
    bound = select(bound, bound | bit, enough);
  }
  /* Where rounding leaves less than is due, all that was left stays. */
  bound = max(bound, cutKey);
  let above = select(massOf(thread, bound + 1u, counted), 0.0, bound == 0xffffffffu);
  let each = select(weightOf(scoreOf(bound)), 1.0, counted);
  let ties = max(1.0, ceil((due - above) / max(each, 1e-38)));
  var end = 0u;
  for (var bit = ${2 ** Math.floor(Math.log2(size))}u; bit > 0u; bit >>= 1u) {
    let tried = min(end | bit, ${size}u);
    let fewer = tiesBefore(thread, bound, tried) < ties;
    end = select(end, end | bit, fewer);
  }
  cutId = select(end + 1u, min(cutId, end + 1u), bound == cutKey);
  cutKey = bound;
}

fn scoreOf(key: u32) -> f32 {
  return bitcast<f32>(key ^ select(0xffffffffu, 0x80000000u, (key >> 31u) == 1u));
}

fn shareOf(id: u32) -> f32 {
  let score = logits[first + id];
  if (!isLeft(id, keyOf(score))) { return 0.0; }
  let weight = weightOf(score);
  return select(0.0, weight, weight >= minP);
}

/* Each thread adds up ids that follow one another; one goes through the sums, and then through the ids of one of them. */
fn pick(thread: u32, random: f32) -> u32 {
  let begin = min(thread * ${chunk}u, ${size}u);
  let end = min(begin + ${chunk}u, ${size}u);
  var own = 0.0;
  for (var id = begin; id < end; id++) { own += shareOf(id); }
  chunkSums[thread] = own;
  workgroupBarrier();
  if (thread > 0u) { return 0u; }
  var total = 0.0;
  for (var i = 0u; i < ${threads}u; i++) { total += chunkSums[i]; }
  let due = random * total;
  var before = 0.0;
  var sum = 0.0;
  var at = 0u;
  for (var i = 0u; i < ${threads}u; i++) {
    if (chunkSums[i] == 0.0) { continue; }
    at = i;
    before = sum;
    sum += chunkSums[i];
    if (sum > due) { break; }
  }
  /* What is left over by rounding belongs to the last. */
  var last = at * ${chunk}u;
  for (var id = at * ${chunk}u; id < min((at + 1u) * ${chunk}u, ${size}u); id++) {
    let share = shareOf(id);
    if (share == 0.0) { continue; }
    last = id;
    before += share;
    if (before > due) { break; }
  }
  return last;
}
`;
}
