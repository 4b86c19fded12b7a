import { type BrokerAddress, type DeviceId, openConnection, PageGate, willOf } from '@cutpoint/control';
import { CutpointError } from '@cutpoint/core';
import { type Log, logProblems } from '@cutpoint/daemon';
import type { FleetSecurity } from './fleet-security.js';

export interface OpenPageGateOptions {
  /** How this server reaches the broker of its fleet. */
  readonly address: BrokerAddress;
  readonly self: DeviceId;
  /** Whether devices of this fleet are paired. */
  readonly paired: boolean;
  readonly security: FleetSecurity;
  readonly settings: { readonly maxBackoffMs: number; readonly connectTimeoutMs: number };
  readonly log: Log;
  /** A page is gone, and its token with it. */
  readonly onLeft: () => void;
}

/** The gate for pages of browsers, each of which this server connects to the broker in the page's own name. */
export function openPageGate({
  address,
  self,
  paired,
  security,
  settings,
  log,
  onLeft,
}: OpenPageGateOptions): PageGate {
  const { identities, desk } = security.server;
  const { fleet } = identities;
  const { maxBackoffMs, connectTimeoutMs } = settings;
  const onProblem = logProblems(log);
  const { tls } = address;
  return new PageGate({
    fleet,
    self,
    pairing: paired ? { identities, desk } : undefined,
    connect: ({ device, session, standIn }) =>
      openConnection({
        ...{ url: address.url, device, maxBackoffMs, connectTimeoutMs, onProblem },
        will: willOf(fleet, device, session),
        ...(tls !== undefined && standIn !== undefined && { tls: () => ({ ...tls(), ...standIn }) }),
      }),
    verify: (desired, device) => security.verify(desired, device),
    onPage(device, what) {
      log.info({ device }, `page ${what}`);
      if (what === 'left') onLeft();
    },
    onProblem: ({ code, message }, from) => onProblem(new CutpointError(code, `A page at ${from}: ${message}`)),
  });
}
