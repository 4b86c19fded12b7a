import type { Log, OpenResources } from '@cutpoint/daemon';
import { openLanguageModel } from '@cutpoint/llm';
import type { ServerSettings } from '../settings.js';

/**
 * Opens all of a language model and serves it over HTTP.
 * @param folder of its package.
 * @throws CutpointError as `openLanguageModel` and `serveTextModel`.
 */
export async function serveWholeModel(
  address: string,
  folder: string,
  { settings, opened, log }: { readonly settings: ServerSettings; readonly opened: OpenResources; readonly log: Log },
): Promise<void> {
  // Loaded when it is called: a server without it starts sooner and takes less memory.
  const { serveTextModel } = await import('@cutpoint/llm/api');
  const whole = opened.add(await openLanguageModel(folder, { threads: settings.threads, cache: settings.cache }));
  const { name } = whole.manifest;
  const health = () => ({ ready: whole.decoder.alive, model: name });
  opened.add(await serveTextModel(address, settings, { ...whole, name, health, log }));
}
