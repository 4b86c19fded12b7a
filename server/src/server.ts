import { cutInTwo, type Daemon, type Log, segmentOptionsOf, splitOptionsOf, startDaemon } from '@cutpoint/daemon';
import { loadStage, openSplit } from '@cutpoint/runtime';
import { backStageHandler, describeBack } from './handler.js';
import type { ServerSettings } from './settings.js';

/**
 * Loads the segment behind the cut and answers requests for it until closed. `describe` tells which segment it is;
 * `infer` takes the tensors that cross the cut and answers with the model's outputs.
 * @throws CutpointError what `openSplit` and `loadStage` throw; CUT_BIND, CUT_INSECURE_BIND, CUT_USAGE for the address.
 */
export function startServer(settings: ServerSettings, { log }: { log: Log }): Promise<Daemon> {
  return startDaemon(settings, log, async (opened) => {
    const model = await openSplit(settings.model, splitOptionsOf(settings));
    const { cut, back } = cutInTwo(model);
    const stage = opened.add(await loadStage(back, segmentOptionsOf(settings)));
    const { receives, answers } = back;
    log.info(
      { model: settings.model, assumed: model.assumed, cut: `${cut.index} (${cut.name})`, receives, answers },
      'loaded',
    );
    return {
      name: 'cutpoint-server',
      handler: backStageHandler(describeBack(model, cut, back), stage),
      health: () => ({ ready: stage.health === 'ready', segment: stage.health, modelHash: model.modelHash }),
    };
  });
}
