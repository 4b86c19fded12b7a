const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB'];

/** Bytes as a person reads them, in powers of 1,000: `512 B`, `1.24 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : threeDigits(value)} ${byteUnits[unit]}`;
}

/** A time given in milliseconds as a person reads it: `84 µs`, `3.21 ms`, `1.5 s`. */
export function formatMs(ms: number): string {
  if (ms < 0.9995) return `${threeDigits(ms * 1000)} µs`;
  if (ms < 999.5) return `${threeDigits(ms)} ms`;
  return `${threeDigits(ms / 1000)} s`;
}

/** Bytes per second as a person reads them of a link, in bits: `54 Mbit/s`, `2.46 Gbit/s`. */
export function formatBitRate(bytesPerS: number): string {
  const bits = bytesPerS * 8;
  if (bits < 999.5e3) return `${threeDigits(bits / 1e3)} kbit/s`;
  return bits < 999.5e6 ? `${threeDigits(bits / 1e6)} Mbit/s` : `${threeDigits(bits / 1e9)} Gbit/s`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value.toFixed(value >= 9.995 ? 1 : 2).replace(/\.?0+$/, '');
}

/** Numbers of bytes for one column: all in one unit with the same number of decimals (a zero has none). */
export function byteColumn(bytes: readonly number[]): readonly string[] {
  return inOneUnit(bytes, byteUnits, 1);
}

/** Times in milliseconds for one column: all in one unit with the same number of decimals. */
export function msColumn(ms: readonly number[]): readonly string[] {
  return inOneUnit(ms, timeUnits, 1e-3);
}

const timeUnits = ['µs', 'ms', 's'];
const maxDecimals = 3;

/**
 * The unit is the one in which the largest value reads well, or a smaller one if else the smallest would vanish; there
 * are as many decimals as the smallest needs for two digits. `base` is the first unit in terms of the values' own.
 */
function inOneUnit(values: readonly number[], units: readonly string[], base: number): readonly string[] {
  const sizes = values.filter((value) => value > 0);
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  const scaleOf = (unit: number) => base * 1000 ** unit;
  let unit = 0;
  while (unit + 1 < units.length && most >= scaleOf(unit + 1) && least >= scaleOf(unit + 1) / 1000) unit += 1;
  const scale = scaleOf(unit);
  // There is nothing smaller than a byte.
  const whole = scale === 1 && values.every(Number.isInteger);
  const decimals = [0, 1, 2].find((digits) => whole || (least / scale) * 10 ** digits >= 10) ?? maxDecimals;
  return values.map((value) => `${value === 0 ? '0' : (value / scale).toFixed(decimals)} ${units[unit]}`);
}
