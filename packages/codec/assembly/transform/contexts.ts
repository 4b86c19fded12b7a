/**
 * What foretells the size of coefficients; defined in src/transform/contexts.ts. Components lie in planes with a border of
 * zeros, four bytes for each place; what vectors compute for places of the border is never read for others.
 */
const quietBelow: u32 = 16;
const leastMagnitude: u32 = 82;
const mostRatio: f64 = 4095;
const mostSize: i64 = 0x3f_ff_ff_ff;
const lastClass = 63;
/** Components before the current one whose coefficients are features of their own. */
const before = 6;
const weightBytes = 13 * 2;

/** Bytes of a row and of a plane, and from the first to behind the last place that is no border. */
export let rowBytes: usize = 0;
export let planeBytes: usize = 0;
let firstPlace: usize = 0;
let endPlace: usize = 0;
/** A plane each; see the class `Contexts`. */
export let known: usize = 0;
let lastSum: usize = 0;
let near: usize = 0;
let older: usize = 0;

/**
 * To be called before the first component.
 * @param planes room for a plane for each component and ten more
 * @returns where the ratios of the first component go
 */
export function beginSample(planes: usize, channels: i32, height: i32, width: i32): usize {
  rowBytes = (<usize>width + 2) * 4;
  planeBytes = rowBytes * (<usize>height + 2);
  firstPlace = rowBytes + 4;
  endPlace = planeBytes - rowBytes - 4;
  const ratios = planes + before * planeBytes;
  known = ratios + <usize>channels * planeBytes;
  lastSum = known + planeBytes;
  near = lastSum + planeBytes;
  older = near + planeBytes;
  memory.fill(planes, 0, older + planeBytes - planes);
  return ratios;
}

/** Where the weights of a component lie. */
export function weightsOf(component: i32, groups: usize, weights: usize): usize {
  return weights + <usize>load<u8>(groups + component) * weightBytes;
}

function lanesOf(weights: usize, feature: i32): v128 {
  return i32x4.splat(load<u16>(weights + <usize>feature * 2));
}

/** What the components before tell at each place of the one whose ratios go to `ratios`. */
export function beginComponent(ratios: usize, weights: usize): void {
  const constant = i32x4.shl(lanesOf(weights, 12), 4);
  const w4 = lanesOf(weights, 4);
  const w5 = lanesOf(weights, 5);
  const w6 = lanesOf(weights, 6);
  const w7 = lanesOf(weights, 7);
  const w8 = lanesOf(weights, 8);
  const w9 = lanesOf(weights, 9);
  const w10 = lanesOf(weights, 10);
  const w11 = lanesOf(weights, 11);
  const back = planeBytes;
  const end = endPlace;
  for (let place = firstPlace; place < end; place += 16) {
    let at = ratios + place - back;
    let sum = i32x4.add(constant, i32x4.mul(w4, v128.load(at)));
    at -= back;
    sum = i32x4.add(sum, i32x4.mul(w5, v128.load(at)));
    at -= back;
    sum = i32x4.add(sum, i32x4.mul(w6, v128.load(at)));
    at -= back;
    sum = i32x4.add(sum, i32x4.mul(w7, v128.load(at)));
    at -= back;
    sum = i32x4.add(sum, i32x4.mul(w8, v128.load(at)));
    at -= back;
    sum = i32x4.add(sum, i32x4.mul(w9, v128.load(at)));
    sum = i32x4.add(sum, i32x4.mul(w10, i32x4.shr_s(v128.load(older + place), 4)));
    sum = i32x4.add(sum, i32x4.mul(w11, v128.load(near + place)));
    v128.store(known + place, sum);
  }
}

/** To be called when all ratios of the component are there. */
export function endComponent(ratios: usize): void {
  const row = rowBytes;
  const oldest = (before - 1) * planeBytes;
  const end = endPlace;
  for (let place = firstPlace; place < end; place += 16) {
    const here = ratios + place;
    const sum = i32x4.add(
      i32x4.add(v128.load(here - 4), v128.load(here, 4)),
      i32x4.add(v128.load(here - row), v128.load(here + row)),
    );
    v128.store(near + place, i32x4.shr_s(i32x4.add(sum, v128.load(lastSum + place)), 3));
    v128.store(lastSum + place, sum);
    const was = v128.load(older + place);
    v128.store(older + place, i32x4.add(i32x4.sub(was, i32x4.shr_s(was, 4)), v128.load(here - oldest)));
  }
}

/** The class of a coefficient: of its foretold size. */
export function classOf(magnitude: u32, foretold: i32): i32 {
  if (magnitude < quietBelow) return classOfSize(magnitude << 4);
  return classOfSize(<i32>min<i64>(mostSize, (<i64>foretold * <i64>magnitude) >> 12));
}

function classOfSize(size: i32): i32 {
  if (size < 128) return 0;
  const exponent = 31 - clz<i32>(size);
  return min(lastClass, (exponent - 7) * 4 + ((size >>> (exponent - 2)) & 3));
}

/** The ratio of a coefficient's size to the mean size of its place. */
export function ratioOf(size: i32, magnitude: u32): i32 {
  return <i32>min<f64>(mostRatio, (<f64>size * 65_536) / <f64>max<u32>(magnitude, leastMagnitude));
}
