/** Standard normal draws of a stream of uniforms. */
export function normals(uniform: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Standard error of a share of so many runs. */
export const binomialError = (count: number, runs: number): number => {
  const share = count / runs;
  return Math.sqrt((share * (1 - share)) / runs);
};
