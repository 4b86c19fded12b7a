const key = 'cutpoint.token';

/**
 * The token of this page: that of the link it was opened by (`#token=...`), which a browser sends nowhere, or the one that this
 * tab was given before. It is taken out of the address, so that it stays out of the history and of what is copied from there.
 */
export function takeToken({ location, history, sessionStorage }: Window): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    sessionStorage.setItem(key, given);
    history.replaceState(null, '', location.pathname + location.search);
  }
  return sessionStorage.getItem(key) ?? undefined;
}
