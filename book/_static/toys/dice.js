// The same draws for everyone: mulberry32, and normal numbers by Box and Muller.
(globalThis.toys ??= {}).dice = (seed) => {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  // Exact by products of uniform numbers for few, close to normal for many.
  const poisson = (mean) => {
    if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
    const limit = Math.exp(-mean);
    let [count, product] = [-1, 1];
    do {
      count += 1;
      product *= uniform();
    } while (product > limit);
    return count;
  };
  return { uniform, normal, poisson };
};
