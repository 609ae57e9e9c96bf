// A file of the reader as a grey image { width, height, data }, float32 in [0, 1], as `read_image`
// of the library reads it. What cannot be read is refused in one sentence.
import { Refusal } from "../refusal.js";

export const LARGEST = 36e6; // pixels: beyond that the browser's memory may not do

const starts = (bytes, signature, at = 0) => signature.every((value, i) => bytes[at + i] === value);

const DICOM = () => import("./dicom.js");
// Group 2 or 8, whose first element is below 0x20: DICOM without its preamble, least significant byte first or last.
const headless = ([a, b, c, d]) =>
  (b === 0 && (a === 2 || a === 8) && d === 0 && c < 0x20) || (a === 0 && (b === 2 || b === 8) && c === 0 && d < 0x20);

// What the content says, then the name. DICOM first: the 128 bytes before its signature may be anything, those of
// a TIFF file too.
const KINDS = [
  { is: (b) => starts(b, [0x44, 0x49, 0x43, 0x4d], 128), load: DICOM },
  { is: (b) => starts(b, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), load: () => import("./png.js") },
  { is: (b) => starts(b, [0xff, 0xd8, 0xff]), load: () => import("./jpeg.js") },
  { is: (b) => [[0x49, 0x49, 42, 0], [0x4d, 0x4d, 0, 42], [0x49, 0x49, 43, 0], [0x4d, 0x4d, 0, 43]].some((head) => starts(b, head)), load: () => import("./tiff.js") },
  { is: (b, name) => headless(b) || /\.(dcm|dicom)$/i.test(name), load: DICOM },
];

const checked = (image, name) => {
  let [low, high] = [Infinity, -Infinity];
  for (const value of image.data) {
    if (!Number.isFinite(value)) {
      throw new Refusal(`${name} has NaN or infinite pixels: repair or leave out this image.`);
    }
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low < 0 || high > 1) {
    throw new Refusal(`${name} has floating-point values outside [0, 1]: rescale it and save it as a 16-bit PNG or TIFF.`);
  }
  return image;
};

export const read = async (bytes, name) => {
  if (!bytes.length) throw new Refusal(`${name} is empty (0 bytes): copy or download it again.`);
  const kind = KINDS.find(({ is }) => is(bytes, name));
  if (!kind) {
    throw new Refusal(`${name} is not a PNG, JPEG, TIFF or DICOM image: convert it to one of these.`);
  }
  const { decode } = await kind.load();
  try {
    return checked(await decode(bytes, name), name);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw new Refusal(`${name} is damaged, or of a kind that this page cannot read (${error.message}): save it as a 16-bit PNG.`);
  }
};

export const checkSize = (width, height, name) => {
  if (width * height > LARGEST) {
    throw new Refusal(`${name} has ${width} x ${height} pixels, too many for a browser: cut a part out of it, or use the library.`);
  }
};
