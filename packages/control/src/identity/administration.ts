import { CutpointError } from '@cutpoint/core';
import type { DeviceId } from '../ids.js';
import { reachableUrl } from '../network/reachable-urls.js';
import type { AdministrationRequest } from './administration-request.js';
import { brokerLifetimeMs } from './authority.js';
import type { FleetFolder } from './fleet-server.js';
import type { Identities } from './identities.js';
import { createToken, revokeToken } from './tokens.js';

/** Does what is asked; what it gives is plain data. @throws CutpointError */
export async function administer(server: FleetFolder, request: AdministrationRequest): Promise<object> {
  const { store, identities, desk } = server;
  switch (request.action) {
    case 'offer':
      if (identities.places.api?.startsWith('http:')) throw notHere();
      return {
        fleet: identities.fleet,
        ...(await desk.open({ device: request.device, hosts: request.hosts })),
        ...pairingUrl(identities),
      };
    case 'certify-broker': {
      const { device, hosts } = request;
      const own = Buffer.from(request.request, 'base64');
      const made = await identities.admit({
        ...{ device, role: 'agent', hosts, request: own },
        sharesHosts: true,
        lifetimeMs: brokerLifetimeMs,
      });
      return { fleet: identities.fleet, authority: identities.authority, ...made };
    }
    case 'revoke-device':
      if (request.device === server.ownDevice()) throw notItself(request.device);
      return await revoke(identities, request.device);
    case 'list-devices':
      return { fleet: identities.fleet, devices: store.devices.list() };
    case 'list-audit':
      return { entries: store.audit.newest(request.count).reverse() };
    case 'where':
      return { fleet: identities.fleet, authority: identities.authority, ...identities.places };
    case 'create-token': {
      const { label, scopes, lifetimeMs } = request;
      return createToken(
        store,
        { label, scopes, ...(lifetimeMs === undefined ? {} : { lifetimeMs }) },
        identities.nowMs(),
      );
    }
    case 'list-tokens':
      // Neither hashes nor salts leave the store.
      return { tokens: store.tokens.list().map(({ salt: _, hash: __, ...token }) => token) };
    case 'revoke-token':
      revokeToken(store, request.id, identities.nowMs());
      return { id: request.id };
  }
}

/** Where a device is to ask, by now: nowhere, while this machine has no address that others could use. */
function pairingUrl({ places: { pairing } }: Identities): { readonly url?: string } {
  const url = pairing === undefined ? undefined : reachableUrl(pairing);
  return url === undefined ? {} : { url };
}

/** Everything would be shut out that the server does itself, until it is started again. */
function notItself(device: DeviceId): CutpointError {
  const message = `${device} is the server of this fleet itself, which renews its certificate while it runs. If others may know its key, stop it, remove identity.json from its folder, and start it again: it makes another key, and the former certificate is revoked.`;
  return new CutpointError('CUT_USAGE', message);
}

async function revoke(identities: Identities, device: DeviceId): Promise<object> {
  const { serials, unconfirmed } = identities.revoke(device);
  return { device, serials, unconfirmed: await unconfirmed };
}

function notHere(): CutpointError {
  const message = 'The server answers this machine alone, without certificates: start it with --lan to pair devices.';
  return new CutpointError('CUT_PAIRING', message);
}
