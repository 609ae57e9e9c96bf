// How an image is cut into tiles for a network that sees `margin` pixels around each and works on a
// grid of `alignment` pixels. The seams cannot be seen: each tile gives the part that its margins
// do not touch, and tiles at an edge of the image end there, as the image does.
//
// All tiles along an axis have one size: graphics cards compile a network for a size.

const up = (value, step) => Math.ceil(value / step) * step;

export const cut = (length, tile, margin, alignment) => {
  if (length <= tile) return { size: length, windows: [{ start: 0, first: 0, last: length }] };
  const border = up(margin, alignment);
  if (tile < 2 * border + alignment) throw new RangeError(`a tile of ${tile} is all margin`);
  const count = Math.ceil((length - 2 * border) / (tile - 2 * border));
  let size = Math.ceil((length + 2 * border * (count - 1)) / count);
  // The last tile ends with the image and begins on the grid.
  size += (((length - size) % alignment) + alignment) % alignment;
  const step = () => Math.floor((size - 2 * border) / alignment) * alignment;
  while (size + (count - 1) * step() < length) size += alignment;
  const starts = Array.from({ length: count }, (_, i) => Math.min(i * step(), length - size));
  const windows = starts.map((start, i) => ({
    start,
    first: i === 0 ? 0 : start + border,
    last: i === count - 1 ? length : starts[i + 1] + border,
  }));
  return { size, windows };
};

const copied = ({ width, data }, rows, columns, from, to) => {
  // `from` and `to` are where a window begins in the source and in the target.
  for (let row = 0; row < rows; row++) {
    const start = (from.row + row) * width + from.column;
    to.data.set(data.subarray(start, start + columns), (to.row + row) * to.width + to.column);
  }
};

// Apply `run(values, height, width)`, a promise of as many values, to an image, tile by tile.
// `progress(share)` is told after each.
export const inTiles = async (image, run, { tile, margin, alignment }, progress = () => {}) => {
  const { width, height } = image;
  const down = cut(height, tile, margin, alignment);
  const across = cut(width, tile, margin, alignment);
  const result = { width, height, data: new Float32Array(width * height) };
  const number = down.windows.length * across.windows.length;
  let done = 0;
  for (const rows of down.windows) {
    for (const columns of across.windows) {
      const part = new Float32Array(down.size * across.size);
      const place = { row: rows.start, column: columns.start };
      copied(image, down.size, across.size, place, {
        data: part, width: across.size, row: 0, column: 0,
      });
      const estimate = await run(part, down.size, across.size);
      copied(
        { data: estimate, width: across.size },
        rows.last - rows.first,
        columns.last - columns.first,
        { row: rows.first - rows.start, column: columns.first - columns.start },
        { ...result, row: rows.first, column: columns.first },
      );
      done += 1;
      progress(done / number);
    }
  }
  return result;
};
