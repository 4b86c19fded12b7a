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

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  return value.toFixed(value >= 9.995 ? 1 : 2).replace(/\.?0+$/, '');
}
