// What the correlation of neighbouring differences says of the noise; white noise has -1/2.
const [WHITE, NEAR] = [-0.5, 0.05];

export const isWhite = (found) => found !== null && Math.abs(found.correlation - WHITE) <= NEAR;
export const isSharpened = (found) => found !== null && found.correlation < WHITE - NEAR;
