/** A network address without its port, which is another for each connection. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '');
}
