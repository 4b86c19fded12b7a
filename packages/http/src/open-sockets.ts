import type { X509Certificate } from 'node:crypto';
import type http from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Access } from './access.js';

/** The encrypted connections of a server that are open, to end those whose certificate is good no longer. */
export class OpenSockets {
  readonly #open = new Set<TLSSocket>();

  constructor(server: http.Server) {
    if (!(server instanceof https.Server)) return;
    server.on('secureConnection', (socket: TLSSocket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
  }

  /** Ends connections, and the requests on them, that were made with a certificate that stands for nobody now. */
  async recheck({ verifyCertificate }: Access): Promise<void> {
    if (verifyCertificate === undefined) return;
    // Many connections may be open with one certificate, and each look may be logged.
    const judged = new Map<string, Promise<unknown>>();
    const judge = (certificate: X509Certificate): Promise<unknown> => {
      const { fingerprint256 } = certificate;
      const known = judged.get(fingerprint256) ?? verifyCertificate(certificate);
      judged.set(fingerprint256, known);
      return known;
    };
    const checks = [...this.#open].map(async (socket) => {
      const certificate = socket.getPeerX509Certificate();
      if (certificate !== undefined && (await judge(certificate)) === undefined) socket.destroy();
    });
    await Promise.all(checks);
  }
}
