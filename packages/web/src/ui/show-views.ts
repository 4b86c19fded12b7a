import type { Peer } from '@cutpoint/wire/browser';
import type { OpenView, View, ViewContext } from './view.js';

const offerTimeoutMs = 10_000;

/** Shows the views of what the server offers, and tells them at each new connection what that is. */
export function showViews(views: readonly View[], parts: Omit<ViewContext, 'askOffer'>, main: HTMLElement): void {
  const { connection } = parts;
  const context: ViewContext = { ...parts, askOffer: async () => await ask(connection.peer()) };
  const opened = new Map<View, OpenView>();
  const ask = async (peer: Peer): Promise<void> => {
    const { meta } = await peer.request({ method: 'offer' }, { deadlineMs: offerTimeoutMs });
    for (const view of views) {
      const part = meta[view.offer];
      const open = opened.get(view) ?? (part === undefined ? undefined : view.open(context));
      if (open === undefined) continue;
      if (!opened.has(view)) main.append(open.root);
      opened.set(view, open);
      open.root.hidden = part === undefined;
      if (part !== undefined) open.offered(part);
    }
  };
  connection.watch((state) => {
    // A connection that cannot tell what there is, is none; the next is tried for.
    if (state.kind === 'open') ask(state.peer).catch((error) => state.peer.close(error));
  });
}
