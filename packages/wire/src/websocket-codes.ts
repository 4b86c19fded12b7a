/** Close codes of RFC 6455, section 7.4.1; a browser reports `lost` where no close frame came. */
export const closeCodes = {
  normal: 1000,
  protocolError: 1002,
  unsupported: 1003,
  none: 1005,
  lost: 1006,
  tooLarge: 1009,
} as const;
