/** How sizes of files and models are written: as many digits as one needs to decide by. */

/** `25 MB`, `1.71 GB`; small ones with one digit more. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} kB`;
  if (bytes < 9_950_000) return `${(bytes / 1_000_000).toFixed(1)} MB`;
  if (bytes < 999_500_000) return `${Math.round(bytes / 1_000_000)} MB`;
  return `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}

/** A count of parameters: `151 million`. */
export function formatMillions(count: number): string {
  return `${count < 9_950_000 ? (count / 1_000_000).toFixed(1) : Math.round(count / 1_000_000)} million`;
}
