import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { messageOf } from '@cutpoint/core';
import { networksOf } from '../../network/own-network.js';
import type { MulticastReading } from '../network-checks.js';
import { within } from './deadline.js';

/** For use within one organisation (RFC 2365), so that no device that listens to mDNS is bothered. */
const group = '239.255.74.80';
const patienceMs = 500;

/** Sends a message to a group on each interface and listens for it. */
export function probeMulticast(): Promise<readonly MulticastReading[]> {
  return Promise.all(networksOf().map(({ name, address }) => probeInterface(name, address)));
}

async function probeInterface(name: string, address: string): Promise<MulticastReading> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  const token = randomBytes(16);
  try {
    const heard = new Promise<boolean>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (message) => message.equals(token) && resolve(true));
    });
    socket.bind(0);
    await Promise.race([once(socket, 'listening'), heard]);
    socket.addMembership(group, address);
    socket.setMulticastInterface(address);
    socket.setMulticastTTL(1);
    socket.setMulticastLoopback(true);
    socket.send(token, socket.address().port, group);
    return { name, address, heard: await within(patienceMs, heard, false) };
  } catch (thrown) {
    return { name, address, heard: false, problem: messageOf(thrown) };
  } finally {
    socket.close();
  }
}
