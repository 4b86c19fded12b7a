import type { Meta, RequestHandler } from '@cutpoint/wire';

/** What pages ask first: which of their parts have something to do here. */
export const offerMethod = 'offer';

/** Answers `offer` with what pages may use of this server, such as `{ model: ... }`; all else goes to the handler. */
export function withOffer(handler: RequestHandler, offer: () => Meta): RequestHandler {
  return async (request) => (request.method === offerMethod ? { meta: offer() } : await handler(request));
}
