import {
  type AdministrationRequest,
  type ConfigFile,
  certificateRequest,
  deviceId,
  type FleetId,
  keyPem,
  makeKeys,
} from '@cutpoint/control';
import type { CancelSignal } from '@cutpoint/core';
import { askServer } from './ask-server.js';

/** What a broker proves itself by. */
export interface CertifiedBroker {
  readonly fleet: FleetId;
  readonly files: readonly (ConfigFile & { readonly secret?: true })[];
}

const nameOfBroker = deviceId.parse('broker');

/**
 * Has the authority of a fleet make a certificate for a broker at these hosts; that of an earlier call is revoked.
 * @throws CutpointError CUT_STORE, CUT_CERTIFICATE if the clock cannot be right.
 */
export async function certifyBroker(
  folder: string,
  hosts: readonly string[],
  signal: CancelSignal,
): Promise<CertifiedBroker> {
  const keys = await makeKeys();
  const request = Buffer.from(await certificateRequest(keys)).toString('base64');
  const asked: AdministrationRequest = { action: 'certify-broker', device: nameOfBroker, hosts: [...hosts], request };
  const made = (await askServer(folder, asked, signal)) as { fleet: FleetId; authority: string; certificate: string };
  const { fleet, authority, certificate } = made;
  return {
    fleet,
    files: [
      { name: 'authority.pem', text: authority },
      { name: 'broker.pem', text: certificate },
      { name: 'broker.key', text: await keyPem(keys), secret: true },
    ],
  };
}
