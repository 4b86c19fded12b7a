import type { IncomingMessage } from 'node:http';
import { isLoopback } from '@cutpoint/daemon';

/**
 * Whether a WebSocket is asked for by a page that this server served, or by a program. Any page may open a WebSocket to any
 * address, and its browser tells where the page is from. A page of somebody's whose name was made to lead here would be of the
 * same origin: where this machine alone may ask, without a token, only names of this machine are believed.
 */
export function isFromOwnPage({ headers }: IncomingMessage, onlyHere: boolean): boolean {
  const { origin, host } = headers;
  if (host === undefined || (onlyHere && !isLoopback(host.replace(/:\d*$/, '')))) return false;
  if (origin === undefined) return true;
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
