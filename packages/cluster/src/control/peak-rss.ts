/** The most memory that this process ever held. */
export function peakRssBytes(): number {
  // Kibibytes, whatever the system counts in.
  return process.resourceUsage().maxRSS * 1024;
}
