import { enterNative, leaveNative } from '@cutpoint/runtime';

/** Runs native code of the runtime; an exit of the process waits for it, not for what a rank waits for. */
export type NativeWork = <T>(work: () => Promise<T>) => Promise<T>;

/** For threads whose whole work counts as native already. */
export const ungated: NativeWork = async (work) => await work();

/** Work behind a thread's gate. */
export function nativeGate(gate: Int32Array): NativeWork {
  return async (work) => {
    enterNative(gate);
    try {
      return await work();
    } finally {
      leaveNative(gate);
    }
  };
}
