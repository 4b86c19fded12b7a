import type { Generation, Measured } from '@cutpoint/control/browser';
import { asCutpointError, type DType } from '@cutpoint/core';
import { randomInputs } from '@cutpoint/runtime/browser';
import type { Peer } from '@cutpoint/wire/browser';
import { element } from '../ui/elements.js';
import type { ReadyFront } from './page-deployments.js';

const deadlineMs = 60_000;

/** Shows what the fleet has this page run, and tries it on random inputs. */
export class DeployedPart {
  readonly root = element('div');
  readonly requests: Measured['requests'] = { done: 0, failed: 0, underWay: 0 };
  readonly #peer: () => Peer;

  constructor(peer: () => Peer) {
    this.#peer = peer;
  }

  /** What requests can begin here for by now. */
  show(fronts: readonly ReadyFront[], generation: Generation | undefined): void {
    this.root.replaceChildren(...fronts.map((front) => this.#rowOf(front, generation)));
  }

  #rowOf(front: ReadyFront, generation: Generation | undefined): HTMLElement {
    const { assignment, at, codecs, chain } = front;
    const where =
      at.length === 0
        ? 'all of it here'
        : `cut at ${at.join(' and ')} (${codecs.join(', ')}), then ${chain.join(', ')}`;
    const result = element('output');
    const button = element('button', { type: 'button', textContent: 'Try it' });
    button.onclick = () => {
      button.disabled = true;
      this.#try(front, generation)
        .then((text) => result.replaceChildren(text))
        .catch((thrown: unknown) => {
          const { message, code } = asCutpointError(thrown, 'CUT_INTERNAL');
          result.replaceChildren(`${message} (${code})`);
        })
        .finally(() => {
          button.disabled = false;
        });
    };
    return element('p', {}, `Runs ${assignment.deployment}: ${where}. `, button, ' ', result);
  }

  /** One request on random inputs: what runs here, then what the devices behind make of it. */
  async #try(
    { assignment, at, codecs, chain, runner }: ReadyFront,
    generation: Generation | undefined,
  ): Promise<string> {
    const { requests } = this;
    requests.underWay += 1;
    const began = performance.now();
    try {
      const specs = assignment.model.inputs.map(({ name, dtype, shape }) => {
        const concrete = shape.map((size) => (typeof size === 'number' ? size : 1));
        return { name, dtype: dtype as DType, shape: concrete, declared: shape };
      });
      const ready = await runner();
      const { sends: tensors, rawBytes, frontMs } = await ready.run(randomInputs(specs), codecs[0] ?? 'raw');
      const { deployment } = assignment;
      const meta = { at: [...at], codecs: [...codecs], segment: 1, deployment, generation, chain: chain.slice(1) };
      const sent =
        at.length === 0
          ? 0
          : (await this.#peer().request({ method: 'infer', meta, tensors }, { deadlineMs })).sentBytes;
      requests.done += 1;
      const ms = (performance.now() - began).toFixed(0);
      return `${ms} ms, of which ${frontMs.toFixed(0)} ms here; ${sent} bytes sent for ${rawBytes}.`;
    } catch (thrown) {
      requests.failed += 1;
      throw thrown;
    } finally {
      requests.underWay -= 1;
    }
  }
}
