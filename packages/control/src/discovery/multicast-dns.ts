import type { EventEmitter } from 'node:events';
import { asCutpointError, type CutpointError } from '@cutpoint/core';
import type { Bonjour } from 'bonjour-service';

/** Where to speak mDNS: left out, on every interface at the port of the standard. */
export interface MulticastOptions {
  /** Address of the one interface to use. */
  readonly interface?: string;
  readonly port?: number;
}

/**
 * Opens mDNS. Whatever goes wrong with its socket is told to `onProblem`: the package would end the process.
 * It is loaded when it is needed only: most devices have static addresses.
 */
export async function openMulticastDns(
  options: MulticastOptions,
  onProblem: (error: CutpointError) => void,
): Promise<Bonjour> {
  const { default: Bonjour } = await import('bonjour-service');
  const { interface: address, port } = options;
  const told = (thrown: unknown): void => onProblem(asCutpointError(thrown, 'CUT_BIND', 'mDNS does not work here'));
  // The package hands its options on to multicast-dns, which knows these; its types do not.
  const socket = {
    ...(port === undefined ? {} : { port }),
    ...(address === undefined ? {} : { interface: address, bind: '0.0.0.0' }),
  };
  const bonjour = new Bonjour(socket, told);
  // Not in its types either, but without a listener an error of the socket is thrown where nobody catches it.
  const { mdns } = (bonjour as unknown as { server: { mdns: EventEmitter & Sender } }).server;
  mdns.on('error', told);
  tellFailedSends(mdns, told);
  return bonjour;
}

type Send = (packet: unknown, to: unknown, done?: (error?: Error | null) => void) => void;
interface Sender {
  send: Send;
}

/** The packages drop these errors, such as ENETUNREACH where no route leads to the group: nobody would know. The first is told. */
function tellFailedSends(mdns: Sender, told: (thrown: unknown) => void): void {
  const send = mdns.send;
  let isTold = false;
  mdns.send = (packet, to, done) =>
    send(packet, to, (error) => {
      if (error instanceof Error && !isTold) {
        isTold = true;
        told(error);
      }
      done?.(error);
    });
}

/** Says goodbye and closes the socket. */
export async function closeMulticastDns(bonjour: Bonjour): Promise<void> {
  await new Promise<void>((resolve) => bonjour.unpublishAll(() => resolve()));
  await new Promise<void>((resolve) => bonjour.destroy(() => resolve()));
}
