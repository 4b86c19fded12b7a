import { CutpointError } from '@cutpoint/core';
import type { DeviceId, SessionId } from '../ids.js';
import type { Reply } from '../messages.js';

interface Pending {
  readonly device: DeviceId;
  readonly session: SessionId;
  readonly resolve: (outcome: Reply['outcome']) => void;
  readonly reject: (error: CutpointError) => void;
}

const most = 1024;

/** Commands that wait for their replies. */
export class PendingCommands {
  readonly #pending = new Map<string, Pending>();

  /** Waits for the reply with this id until the signal aborts. @throws CutpointError CUT_OVERLOADED, or the reason. */
  wait(id: string, { device, session }: Pick<Pending, 'device' | 'session'>): Promise<Reply['outcome']> {
    if (this.#pending.size >= most) {
      throw new CutpointError('CUT_OVERLOADED', `${most} commands wait for their replies already; try again later.`);
    }
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { device, session, resolve, reject });
    });
  }

  /** A reply arrived. One that nobody waits for, or from another device than was asked, is dropped. */
  answer(device: DeviceId, { id, session, outcome }: Reply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || pending.device !== device || pending.session !== session) return;
    this.#pending.delete(id);
    pending.resolve(outcome);
  }

  fail(id: string, error: CutpointError): void {
    this.#pending.get(id)?.reject(error);
    this.#pending.delete(id);
  }

  /** A device started anew: what its former session was asked will not be answered. */
  sessionEnded(device: DeviceId, session: SessionId): void {
    for (const [id, pending] of this.#pending) {
      if (pending.device !== device || pending.session === session) continue;
      const message = `${device} was restarted before it answered a command.`;
      this.fail(id, new CutpointError('CUT_CONNECTION_LOST', message));
    }
  }

  failAll(error: CutpointError): void {
    for (const id of [...this.#pending.keys()]) this.fail(id, error);
  }
}
