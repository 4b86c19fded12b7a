import type { DesiredState, DeviceId, Generation, ReportedState, SessionId } from '@cutpoint/control';

/** The fleet as the deployer needs it. */
export interface DeployFleet {
  devices(): readonly {
    readonly device: DeviceId;
    readonly session: SessionId;
    readonly status: 'online' | 'silent' | 'offline';
    readonly reported: ReportedState | undefined;
  }[];
  watch(listener: (change: { readonly kind: string; readonly device: DeviceId }) => void): Disposable;
  /** What is known to be desired by now, by this server or another before it. */
  desired(device: DeviceId): DesiredState | undefined;
  setDesired(device: DeviceId, desired: DesiredState): Promise<void>;
  /** What leases name has changed. */
  grantAnew(): void;
  /** One that no device has heard of yet. */
  nextGeneration(): Generation;
}
