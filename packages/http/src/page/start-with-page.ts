import { CutpointError } from '@cutpoint/core';
import type { Log } from '@cutpoint/daemon';
import { listenToUpgrades, type RequestHandler, type UpgradeListener } from '@cutpoint/wire';
import { type Access, mayUse } from '../access.js';
import { type HttpOptions, type HttpServer, startHttp, type Upgrade } from '../http-server.js';
import { refuseUpgrade } from '../refuse-upgrade.js';
import { isFromOwnPage } from './page-origin.js';
import { type PageFolders, pageRoutes, pageWirePath } from './page-routes.js';

export interface PageOptions {
  readonly folders: PageFolders;
  /** What the page is told before it proves anything, as JSON: nothing secret. */
  readonly about?: object;
  /** Answers what the page asks over its socket. */
  readonly handler: RequestHandler;
  /** How the server introduces itself there. */
  readonly name: string;
}

/** Opens a door that serves a page and takes the page's WebSockets beside all else. @throws CutpointError as `startHttp`. */
export async function startWithPage(
  options: HttpOptions,
  { folders, about, handler, name }: PageOptions,
): Promise<HttpServer> {
  const { access, log } = options;
  const listener = listenToUpgrades({
    handler,
    hello: { name, capabilities: ['page'] },
    checkToken: (token) => requireToken(access, token),
    onError({ code, message }, remote, address) {
      // Visitors close a tab when they like.
      const level = code === 'CUT_CONNECTION_LOST' ? 'info' : 'warn';
      log[level]({ code, remote: remote?.name, address }, message);
    },
  });
  const routes: HttpOptions['routes'] = async (app) => {
    await options.routes(app);
    await app.register((own) => pageRoutes(own, folders, about));
  };
  const upgrades = { ...options.upgrades, [pageWirePath]: guarded(listener, access, log) };
  const server = await startHttp({ ...options, routes, upgrades });
  log.info({ url: `${server.url}/` }, 'page for browsers');
  return {
    url: server.url,
    renew: (tls) => server.renew(tls),
    async recheck() {
      await Promise.all([server.recheck(), listener.recheckTokens()]);
    },
    async [Symbol.asyncDispose]() {
      await listener.close({ graceMs: options.graceMs });
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Refuses the pages of others before a handshake. */
function guarded(listener: UpgradeListener, { anonymous }: Access, log: Log): Upgrade {
  const onlyHere = anonymous?.from === 'loopback';
  return (request, socket, head) => {
    if (isFromOwnPage(request, onlyHere)) return listener.upgrade(request, socket, head);
    const { origin, host } = request.headers;
    log.warn(
      { code: 'CUT_FORBIDDEN', address: request.socket.remoteAddress, origin, host },
      'a page of others asked for a socket',
    );
    refuseUpgrade(socket, '403 Forbidden');
  };
}

/** Where nobody needs a token, whoever may open the socket may ask. @throws CutpointError CUT_UNAUTHORISED, CUT_FORBIDDEN */
async function requireToken({ verifyToken, anonymous }: Access, token: string | undefined): Promise<void> {
  if (token === undefined && anonymous !== undefined) return;
  const scopes = token === undefined ? undefined : await verifyToken?.(token);
  if (scopes === undefined) {
    const what = token === undefined ? 'needs a token' : 'was given a wrong token';
    throw new CutpointError('CUT_UNAUTHORISED', `The page ${what}: open it by the address with #token=... at its end.`);
  }
  if (!mayUse({ name: 'page', scopes }, 'infer')) {
    throw new CutpointError('CUT_FORBIDDEN', 'This token may not use models: it needs the scope "infer".');
  }
}
