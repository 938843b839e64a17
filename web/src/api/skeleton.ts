// A skeleton that is shown stays for a moment: what flashes by is worse than what comes a moment later.
const leastMs = 300;
let until = 0;

export function skeletonShown(): void {
  until = Math.max(until, performance.now() + leastMs);
}
/** Resolves with `answer`, when no skeleton has only just come. */
export async function afterSkeleton<T>(answer: Promise<T>): Promise<T> {
  const come = await answer, wait = until - performance.now();
  if (wait > 0) await new Promise((done) => setTimeout(done, wait));
  return come;
}
