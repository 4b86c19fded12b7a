import {
  cutInTwo,
  type Daemon,
  healthHandler,
  type Log,
  OpenResources,
  openEndpoint,
  segmentOptionsOf,
  splitOptionsOf,
  startHealth,
} from '@cutpoint/daemon';
import { loadStage, openSplit } from '@cutpoint/runtime';
import { listen } from '@cutpoint/wire';
import { backStageHandler, describeBack } from './handler.js';
import type { ServerSettings } from './settings.js';

/**
 * Loads the segment behind the cut and answers requests for it until closed. `describe` tells which segment it is;
 * `infer` takes the tensors that cross the cut and answers with the model's outputs.
 * @throws CutpointError what `openSplit` and `loadStage` throw; CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE for the address.
 */
export async function startServer(settings: ServerSettings, { log }: { log: Log }): Promise<Daemon> {
  const endpoint = await openEndpoint(settings, log);
  const opened = new OpenResources();
  try {
    const model = await openSplit(settings.model, splitOptionsOf(settings));
    const { cut, back } = cutInTwo(model);
    const stage = opened.add(await loadStage(back, segmentOptionsOf(settings)));
    let ready = false;
    const onHttp = healthHandler(() => ({ ready, modelHash: model.modelHash }));
    opened.add(await startHealth(settings, onHttp, log));
    const listener = await listen({
      ...endpoint,
      handler: backStageHandler(describeBack(model, cut, back), stage),
      limits: { maxRequests: settings.maxRequests },
      hello: { name: 'cutpoint-server', capabilities: [] },
      onHttp,
      onError: ({ code, message }, remote) => log.warn({ code, remote: remote?.name }, message),
    });
    opened.add({ [Symbol.asyncDispose]: () => listener.close({ graceMs: settings.graceMs }) });
    ready = true;
    log.info({ url: listener.url, model: settings.model, cut: cut.name, answers: back.answers }, 'ready');
    const close = () => {
      ready = false;
      return opened.close();
    };
    return { url: listener.url, close };
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}
