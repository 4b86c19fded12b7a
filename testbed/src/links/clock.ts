/** Milliseconds on the machine's monotonic clock, which threads and processes of one machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
