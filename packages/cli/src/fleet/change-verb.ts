import { type DeploymentId, deploymentId } from '@cutpoint/control/client';
import type { AcceptedView } from '@cutpoint/server/client';
import { InvalidArgumentError } from 'commander';
import { onInterrupt } from '../interrupt.js';
import { printResult } from '../output/result.js';
import type { Verb } from '../verb.js';
import { awaitRollout } from './await-rollout.js';
import { addServerOptions, openServerApi, type Question, type ServerOptions } from './server-api.js';

interface ChangeOptions extends ServerOptions {
  readonly wait: boolean;
  readonly json?: true;
}

/** A verb that changes a deployment there is, and waits until all devices follow. */
export function changeVerb({
  example,
  question,
  done,
}: {
  readonly example: string;
  readonly question: (name: DeploymentId) => Question<AcceptedView>;
  /** What is so then. */
  readonly done: (name: DeploymentId) => string;
}): Verb {
  const run = async (name: DeploymentId, { wait, json, ...server }: ChangeOptions): Promise<void> => {
    using interrupt = onInterrupt();
    const api = await openServerApi(server, interrupt.signal);
    const accepted = await api.ask(question(name));
    if (!wait) {
      const text = `Generation ${accepted.generation} is on its way: \`cutpoint status\` tells how far it is.\n`;
      return await printResult(json === true, accepted, () => text);
    }
    const { rollout } = await awaitRollout(api, accepted, interrupt.signal);
    const text =
      accepted.withdrawn === true
        ? `The change of ${name} that was on its way (generation ${accepted.generation}) is withdrawn: all is as it was.\n`
        : `${done(name)} (generation ${accepted.generation})\n`;
    await printResult(json === true, { ...accepted, phase: rollout.phase }, () => text);
  };
  return {
    example,
    configure: (command) =>
      addServerOptions(command.argument('<name>', 'the deployment, as `cutpoint status` lists it', parseDeployment))
        .option('--no-wait', 'do not wait until the devices follow')
        .action(run),
  };
}

function parseDeployment(text: string): DeploymentId {
  const parsed = deploymentId.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('A name has lowercase letters, digits and dashes.');
}
