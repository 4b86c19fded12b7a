import { type Interfaces, listenedUrls } from '@cutpoint/control';
import { isLoopback } from '@cutpoint/daemon';

const most = 16;

/**
 * The addresses under which others reach what listens on `url`: of all interfaces where it listens on all. Loopback is
 * left out unless the broker is reached by it, as elsewhere it would lead to somebody else; then it comes last.
 */
export function addressesToAnnounce(
  url: string,
  { loopback, interfaces }: { loopback: boolean; interfaces?: Interfaces },
): readonly string[] {
  const urls = listenedUrls(url, interfaces);
  const isOwn = (each: string) => isLoopback(new URL(each).hostname);
  return [...urls.filter((each) => !isOwn(each)), ...(loopback ? urls.filter(isOwn) : [])].slice(0, most);
}
