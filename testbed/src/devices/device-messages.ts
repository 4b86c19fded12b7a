export type DeviceKind = 'agent' | 'server';

/** What a device's process is told, once it is limited. */
export interface StartMessage {
  readonly kind: DeviceKind;
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What it answers. */
export type StartedMessage = { readonly url: string } | { readonly error: { code: string; message: string } };
