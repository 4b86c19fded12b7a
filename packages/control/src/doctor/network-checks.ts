import { type Check, fail, inWords, ok, warn } from './check.js';

/** What asking for the addresses of a name gave. */
export type Resolution =
  | { readonly kind: 'found'; readonly addresses: readonly string[] }
  | { readonly kind: 'unknown' | 'no-answer' | 'timed-out' };

export function checkName(host: string, resolution: Resolution): Check {
  switch (resolution.kind) {
    case 'found': {
      const list = resolution.addresses.join(', ');
      return ok('name', list === host ? `${host} is an address.` : `${host} has the address ${list}.`);
    }
    case 'unknown': {
      const advice = host.endsWith('.local')
        ? 'Names that end with .local need mDNS on both machines; use the address instead.'
        : 'Check the spelling, or use the address instead.';
      return fail('name', `Nobody knows the name ${host}.`, advice);
    }
    case 'no-answer':
      return fail('name', `The name server could not say who ${host} is.`, 'Check the network, or use the address.');
    case 'timed-out':
      return fail('name', `No name server answered for ${host} in time.`, 'Check the network, or use the address.');
  }
}

/** What connecting to a port gave. */
export type PortAnswer =
  | { readonly kind: 'open'; readonly address: string; readonly from: string; readonly ms: number }
  | { readonly kind: 'refused' | 'timed-out' | 'unreachable'; readonly address: string };

export function checkPort(port: number, answer: PortAnswer): Check {
  const at = `Port ${port} of ${answer.address}`;
  switch (answer.kind) {
    case 'open':
      return ok('port', `${at} takes connections, from ${answer.from} in ${answer.ms.toFixed(1)} ms.`);
    case 'refused':
      return fail(
        'port',
        `${at} refuses connections: nothing listens there.`,
        'Start the server, or correct the port.',
      );
    case 'timed-out': {
      const advice = 'A firewall drops connections, or the machine is off: allow the port, check the address.';
      return fail('port', `${at} does not answer at all.`, advice);
    }
    case 'unreachable':
      return fail('port', `There is no way to ${answer.address} from here.`, 'Check network, cable and VPN.');
  }
}

/** What a server showed in the TLS handshake, judged by this machine's clock. */
export interface ShownChain {
  readonly kind: 'tls';
  readonly subject: string;
  readonly validFromMs: number;
  readonly validToMs: number;
  readonly hostMatches: boolean;
  /** Why it is not trusted, as OpenSSL calls it, dates and name apart; undefined if it is. */
  readonly distrust: string | undefined;
  /** SHA-256 of the certificate of the authority, in hexadecimal: the last of the chain. */
  readonly authorityHash: string;
}

/** What a port answers to a TLS greeting. */
export type TlsAnswer =
  | ShownChain
  | { readonly kind: 'no-tls' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'timed-out' };

export interface CertificateExpectation {
  readonly host: string;
  /** Whether the address says that there is TLS. */
  readonly secure: boolean;
  /** SHA-256 of the authority's certificate, as `cutpoint pair` and mDNS name it. */
  readonly authorityHash?: string | undefined;
  readonly nowMs: number;
  /** By how much the server's clock is ahead of this one; 0 if that is not known. */
  readonly aheadMs: number;
}

const soonMs = 5 * 86_400_000;

export function checkCertificate(answer: TlsAnswer, expected: CertificateExpectation): Check {
  const { host, secure } = expected;
  if (answer.kind === 'tls') return secure ? checkChain(answer, expected) : tlsUnasked(host);
  if (!secure) return ok('certificate', 'The address has no TLS, and the port neither: nothing is encrypted.');
  switch (answer.kind) {
    case 'no-tls':
      return fail(
        'certificate',
        `${host} does not speak TLS there.`,
        'Use the address without TLS, or correct the port.',
      );
    case 'failed':
      return fail(
        'certificate',
        `The TLS handshake failed: ${answer.why}.`,
        'Check that both sides are of one version.',
      );
    case 'timed-out':
      return fail(
        'certificate',
        'The TLS handshake did not end in time.',
        'Something between cuts TLS: check proxies.',
      );
  }
}

function tlsUnasked(host: string): Check {
  const advice = 'Write https, wss, tcps or mqtts instead of http, ws, tcp or mqtt.';
  return fail('certificate', `The address has no TLS, but ${host} expects it there.`, advice);
}

function checkChain(chain: ShownChain, expected: CertificateExpectation): Check {
  return dateProblem(chain, expected) ?? trustProblem(chain, expected) ?? stillGood(chain, expected);
}

function dateProblem({ validFromMs, validToMs }: ShownChain, { nowMs, aheadMs }: CertificateExpectation) {
  const thereMs = nowMs + aheadMs;
  const validThere = thereMs >= validFromMs && thereMs <= validToMs;
  if (nowMs >= validFromMs && nowMs <= validToMs) return undefined;
  const what =
    nowMs < validFromMs
      ? `The certificate begins to be valid in ${inWords(validFromMs - nowMs)} by this clock.`
      : `The certificate expired ${inWords(nowMs - validToMs)} ago by this clock.`;
  if (validThere)
    return fail('certificate', `${what} By the server's clock it is valid.`, 'Set the clock of this machine.');
  return fail('certificate', what, "Renew the server's certificate, or set the clocks.");
}

function trustProblem(chain: ShownChain, { host, authorityHash }: CertificateExpectation): Check | undefined {
  const same = authorityHash !== undefined && authorityHash.toLowerCase() === chain.authorityHash;
  if (authorityHash !== undefined && !same) {
    const sentence = `The authority is another than expected: ${short(chain.authorityHash)}, not ${short(authorityHash)}.`;
    return fail(
      'certificate',
      sentence,
      'This may be another fleet, or somebody in between: pair again if it is yours.',
    );
  }
  if (chain.distrust !== undefined && !same) {
    const advice = 'Pair this device, or give the certificate of the authority with --ca.';
    return fail('certificate', `The certificate is not trusted here (${chain.distrust}).`, advice);
  }
  // In a fleet, certificates name the device, and the device may be reached by any name.
  if (chain.hostMatches || chain.subject.includes('URI:cutpoint:')) return undefined;
  const advice = 'Use the name in the certificate, or let the server have one for this name.';
  return fail('certificate', `The certificate is for ${chain.subject}, not for ${host}.`, advice);
}

function stillGood({ validToMs, authorityHash }: ShownChain, { nowMs }: CertificateExpectation): Check {
  const left = `for another ${inWords(validToMs - nowMs)}`;
  const sentence = `The certificate is trusted and valid ${left}; its authority is ${short(authorityHash)}.`;
  if (validToMs - nowMs > soonMs) return ok('certificate', sentence);
  return warn('certificate', sentence, 'Renewal is overdue: is the server that renews it running?');
}

function short(hash: string): string {
  return hash.slice(0, 16).toLowerCase();
}

/** The time of a server, and when it was asked and answered by this clock. */
export interface ClockReading {
  readonly serverMs: number;
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** By how much the server's clock is ahead. The time in HTTP has whole seconds, rounded down. */
export function aheadOf({ serverMs, askedMs, answeredMs }: ClockReading): number {
  return serverMs + 500 - (askedMs + answeredMs) / 2;
}

const unimportantMs = 5_000;
/** Certificates are back-dated by a day. */
const tooFarMs = 23 * 3_600_000;

export function checkClock(reading: ClockReading | undefined): Check {
  if (reading === undefined) {
    const advice = "Give the address of the server's HTTP API to compare clocks.";
    return warn('clock', 'The clock was not compared: the server did not tell its time.', advice);
  }
  const aheadMs = aheadOf(reading);
  if (Math.abs(aheadMs) <= unimportantMs) return ok('clock', "This clock agrees with the server's.");
  const sentence = `This clock is ${inWords(aheadMs)} ${aheadMs > 0 ? 'behind' : 'ahead of'} the server's.`;
  const advice = 'Set it, for example with `timedatectl set-ntp true`.';
  return Math.abs(aheadMs) >= tooFarMs ? fail('clock', sentence, advice) : warn('clock', sentence, advice);
}

/** Whether a message to a group came back on an interface. */
export interface MulticastReading {
  readonly name: string;
  readonly address: string;
  readonly heard: boolean;
  readonly problem?: string | undefined;
}

export function checkMulticast(readings: readonly MulticastReading[]): Check {
  const advice = 'Discovery needs multicast: give the address of the server instead, it always works.';
  if (readings.length === 0) return warn('multicast', 'There is no interface to send to a group on.', advice);
  const said = ({ name, address, problem }: MulticastReading) =>
    `${name} ${address}${problem === undefined ? '' : ` (${problem})`}`;
  const deaf = readings.filter(({ heard }) => !heard);
  if (deaf.length === 0) return ok('multicast', `Messages to a group pass on ${readings.map(said).join(', ')}.`);
  return warn('multicast', `Messages to a group do not pass on ${deaf.map(said).join(', ')}.`, advice);
}

/** What a broker did with a message that a device may not send. */
export type BrokerAnswer =
  | { readonly kind: 'unreachable' | 'not-let-in'; readonly why: string }
  /** Not even what the device may send to itself came back. */
  | { readonly kind: 'mute' }
  | { readonly kind: 'delivered' }
  | { readonly kind: 'refused'; readonly how: 'disconnected' | 'dropped' };

export function checkBroker(url: string, answer: BrokerAnswer): Check {
  switch (answer.kind) {
    case 'unreachable':
      return fail('broker', answer.why, 'Start the broker, or correct its address.');
    case 'not-let-in':
      return fail('broker', answer.why, 'Pair this device, or let the broker trust the authority of the fleet.');
    case 'mute': {
      const advice = 'Install the rights that `cutpoint broker-config` writes.';
      return fail('broker', `${url} does not deliver what this device may send and receive.`, advice);
    }
    case 'delivered': {
      const advice = 'Any device could speak for another: install the rights that `cutpoint broker-config` writes.';
      return fail('broker', `${url} delivered a message that this device sent in the name of another.`, advice);
    }
    case 'refused': {
      const how = answer.how === 'dropped' ? 'dropped the message' : 'ended the connection';
      return ok('broker', `${url} answers, and ${how} that was sent in the name of another device.`);
    }
  }
}
