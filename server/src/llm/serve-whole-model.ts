import type { Log, OpenResources } from '@cutpoint/daemon';
import { type DecoderHost, modelProviderOf, openWholeModel, type WholeModelOptions } from '@cutpoint/llm';
import type { ServerSettings } from '../settings.js';

interface WholeModelParts {
  readonly settings: ServerSettings;
  /** Widths that the settings ask for. */
  readonly codes: WholeModelOptions['codes'];
  /** The layers behind cuts, for pages. */
  readonly host: DecoderHost;
  /** How the server introduces itself. */
  readonly name: string;
  readonly opened: OpenResources;
  readonly log: Log;
}

/**
 * Opens all of a language model and serves it over HTTP, with a page that runs some of it in a browser.
 * @param folder of its package.
 * @throws CutpointError as `openLanguageModel` and `serveTextModel`.
 */
export async function serveWholeModel(
  address: string,
  folder: string,
  { settings, codes, host, name: serverName, opened, log }: WholeModelParts,
): Promise<void> {
  // Loaded when it is called: a server without it starts sooner and takes less memory.
  const { serveTextModel } = await import('@cutpoint/llm/api');
  const { chatPage } = await import('../page/chat-page.js');
  const { provider, threads, cache } = settings;
  const asked = { provider: modelProviderOf(provider), threads, cache, codes };
  const whole = opened.add(await openWholeModel(folder, asked, log));
  const { name } = whole.manifest;
  const health = () => ({ ready: whole.decoder.alive, model: name });
  const page = await chatPage({ folder, host, at: settings.at[0], name: serverName, log });
  opened.add(await serveTextModel(address, settings, { ...whole, name, health, log, page }));
}
