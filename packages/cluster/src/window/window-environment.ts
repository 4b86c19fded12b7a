/**
 * What a process with a window is started with: then the C library gives the memory of half layers back as soon as they are
 * closed, and maps it in large pages. Without it a window takes up to 1.6 times its bytes. It is read when a process begins.
 */
export const windowEnvironment: Readonly<Record<string, string>> = {
  MALLOC_MMAP_THRESHOLD_: '1000000',
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
};

/** Whether this process was started without it on Linux, whose C library it is for. */
export function lacksWindowEnvironment(): boolean {
  return process.platform === 'linux' && process.env.MALLOC_MMAP_THRESHOLD_ === undefined;
}

/** For people. */
export function noSlotsText(why: string): string {
  return `half layers that do not stay are opened for each token, which takes longer: ${why}`;
}

/** What to do then, for people. */
export const windowEnvironmentAdvice = `a window may take up to 1.6 times its bytes: start this process with ${Object.entries(
  windowEnvironment,
)
  .map(([name, value]) => `${name}=${value}`)
  .join(' ')}`;
