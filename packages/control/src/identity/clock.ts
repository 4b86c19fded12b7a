/** Clocks that differ by less need no word: leases and requests count durations. */
const tolerableMs = 60_000;

/** How far this clock is behind the server's, in milliseconds; the answer left the server halfway through the exchange. */
export function clockOffsetMs(serverNowMs: number, sentAtMs: number, receivedAtMs: number): number {
  return serverNowMs - (sentAtMs + receivedAtMs) / 2;
}

/** What to say of a clock that is off, for `pair` and `doctor`; undefined if it is right. */
export function clockTrouble(offsetMs: number): string | undefined {
  if (Math.abs(offsetMs) < tolerableMs) return undefined;
  const direction = offsetMs > 0 ? 'behind' : 'ahead of';
  return `The clock of this device is ${duration(Math.abs(offsetMs))} ${direction} the server's: set one of them, for example with timedatectl set-ntp true.`;
}

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}
