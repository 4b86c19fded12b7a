import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { CutpointError } from '@cutpoint/core';
import type { ConnectPacket } from 'aedes';
import { deviceId, type FleetId } from '../ids.js';
import { type BrokerIdentity, mayPublish, mayRetain } from './topic-rights.js';

/**
 * Who the device behind a certificate is. It decides alone: TLS has only proven that the client holds its key. Throws a
 * CutpointError, for the log, to refuse it.
 */
export type Identify = (socket: TLSSocket) => BrokerIdentity;

export interface DoorRules {
  readonly fleet: FleetId;
  readonly identify: Identify | undefined;
  /** The password of the server in this process: without TLS, nobody else is a server. */
  readonly serverPassword: string;
}

/**
 * Decides who a client is: by its certificate, or without TLS by the name it gives, which only loopback may do.
 * @throws CutpointError CUT_UNAUTHORISED, or what `identify` throws, in words for the log.
 */
export function letIn(socket: Socket, packet: ConnectPacket, rules: DoorRules): BrokerIdentity {
  const identity = socket instanceof TLSSocket ? identifyByCertificate(socket, rules) : identifyByName(packet, rules);
  if (packet.clientId !== identity.device) {
    throw refused(
      `its client id is "${brief(packet.clientId)}", but must be the name of the device, ${identity.device}`,
    );
  }
  if (!packet.clean) throw refused('it asks for a session that outlasts its connection, which is not offered');
  const { will } = packet;
  if (will === undefined) return identity;
  if (!mayPublish(identity, will.topic) || !mayRetain(will.topic)) {
    throw refused(`its last will is for "${brief(will.topic)}", to which it may not publish`);
  }
  return identity;
}

function identifyByCertificate(socket: TLSSocket, { fleet, identify }: DoorRules): BrokerIdentity {
  if (identify === undefined) throw refused('nothing tells who is behind a certificate');
  const identity = identify(socket);
  if (identity.fleet !== fleet)
    throw refused(`its certificate is for the fleet ${identity.fleet}, but this is ${fleet}`);
  return identity;
}

function identifyByName(packet: ConnectPacket, { fleet, serverPassword }: DoorRules): BrokerIdentity {
  const device = deviceId.safeParse(packet.username ?? packet.clientId).data;
  if (device === undefined) throw refused('the name that it gives is none of a device');
  const { password } = packet;
  if (password === undefined) return { fleet, device, role: 'agent' };
  if (!sameText(password, serverPassword)) throw refused('its password is wrong');
  return { fleet, device, role: 'server' };
}

function sameText(given: Buffer, expected: string): boolean {
  const bytes = Buffer.from(expected);
  return given.length === bytes.length && timingSafeEqual(given, bytes);
}

function refused(why: string): CutpointError {
  return new CutpointError('CUT_UNAUTHORISED', `A client was not let in: ${why}.`);
}

/** What strangers send is not repeated at length. */
export function brief(text: string): string {
  return text.length <= 100 ? text : `${text.slice(0, 100)}...`;
}
