import type { EventEmitter } from 'node:events';
import { asCutpointError, CutpointError } from '@cutpoint/core';
import type { Bonjour } from 'bonjour-service';
import { networksOf } from '../network/own-network.js';

/** Where to speak mDNS: left out, on every network that this machine is on, at the port of the standard. */
export interface MulticastOptions {
  /** Address of the one interface to use. */
  readonly interface?: string;
  readonly port?: number;
}

/** mDNS on the networks of a machine, until closed. */
export interface MulticastDns {
  readonly networks: readonly { readonly name: string; readonly address: string; readonly bonjour: Bonjour }[];
  /** Says goodbye and closes the sockets. */
  close(): Promise<void>;
}

/**
 * Opens mDNS on each network by itself: what is sent without naming one goes out on that of the default route alone, and
 * nowhere where there is none. Whatever goes wrong with a socket is told to `onProblem`, as is that there is no network: the
 * package would end the process. It is loaded when it is needed only: most devices have static addresses.
 */
export async function openMulticastDns(
  { interface: only, port }: MulticastOptions,
  onProblem: (error: CutpointError) => void,
): Promise<MulticastDns> {
  const { default: Bonjour } = await import('bonjour-service');
  let isClosing = false;
  const told = (thrown: unknown): void => {
    // What cannot say goodbye, on a network that has gone, is gone.
    if (!isClosing) onProblem(asCutpointError(thrown, 'CUT_BIND', 'mDNS does not work here'));
  };
  const all = networksOf();
  const wanted =
    only === undefined ? all : [all.find(({ address }) => address === only) ?? { name: only, address: only }];
  if (wanted.length === 0)
    told(new CutpointError('CUT_BIND', 'This machine is on no network yet, so mDNS reaches nobody.'));
  const networks = wanted.map(({ name, address }) => {
    // The package hands its options on to multicast-dns, which knows these; its types do not.
    const socket = { ...(port === undefined ? {} : { port }), interface: address, bind: '0.0.0.0' };
    const bonjour = new Bonjour(socket, told);
    // Not in its types either, but without a listener an error of the socket is thrown where nobody catches it.
    const { mdns } = (bonjour as unknown as { server: { mdns: EventEmitter & Sender } }).server;
    mdns.on('error', told);
    tellFailedSends(mdns, told);
    return { name, address, bonjour };
  });
  return {
    networks,
    async close() {
      isClosing = true;
      await Promise.all(networks.map(({ bonjour }) => closeOne(bonjour)));
    },
  };
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

async function closeOne(bonjour: Bonjour): Promise<void> {
  await new Promise<void>((resolve) => bonjour.unpublishAll(() => resolve()));
  await new Promise<void>((resolve) => bonjour.destroy(() => resolve()));
}
