// How the pixels of a DICOM file are stored: what undoes each of its transfer syntaxes.

export const IMPLICIT = "1.2.840.10008.1.2";
export const EXPLICIT = "1.2.840.10008.1.2.1";
export const RUN_LENGTHS = "1.2.840.10008.1.2.5";
export const BIG_ENDIAN = "1.2.840.10008.1.2.2";

const typed = (bytes, { allocated, signed, littleEndian = true }) => {
  if (allocated === 8) return signed ? new Int8Array(bytes) : bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (allocated === 32) {
    return Uint32Array.from({ length: bytes.length >> 2 }, (_, i) => view.getUint32(4 * i, littleEndian));
  }
  if (allocated !== 16) throw new Error(`${allocated} bits a pixel`);
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, i) => view.getUint16(2 * i, littleEndian));
};

// Run lengths (PS3.5, annex G): the planes of the bytes, the most significant first, each a row of
// packets. A head below 128 says how many bytes follow, one above how often the next one stands.
const runLengths = (bytes, about) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const planes = view.getUint32(0, true);
  const number = about.rows * about.columns;
  const result = new Uint8Array(number * planes);
  for (let plane = 0; plane < planes; plane++) {
    let place = view.getUint32(4 + 4 * plane, true);
    const end = plane + 1 < planes ? view.getUint32(8 + 4 * plane, true) : bytes.length;
    const put = (index, value) => (result[index * planes + (planes - 1 - plane)] = value);
    for (let pixel = 0; pixel < number && place < end; ) {
      const head = bytes[place++];
      if (head < 128) {
        for (let i = 0; i <= head && pixel < number; i++) put(pixel++, bytes[place++]);
      } else if (head > 128) {
        for (let i = 0; i < 257 - head && pixel < number; i++) put(pixel++, bytes[place]);
        place += 1;
      }
    }
  }
  return typed(result, { ...about, littleEndian: true });
};

// Eight bits, by the browser's own decoder.
const baseline = async (bytes, { name }) => {
  const { drawn } = await import("./jpeg.js");
  const { data } = await drawn(bytes, name);
  return Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]);
};

const lossless = async (bytes) => {
  const { Decoder } = await import("jpeg-lossless-decoder-js");
  const decoder = new Decoder();
  // The decoder wants a buffer of its own.
  const output = decoder.decompress(bytes.slice().buffer);
  return decoder.frame.precision <= 8 ? new Uint8Array(output) : new Uint16Array(output);
};

const jpeg2000 = async (bytes) => {
  const { openjpeg } = await import("./openjpeg.js");
  const { J2KDecoder } = await openjpeg();
  const decoder = new J2KDecoder();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { bitsPerSample, isSigned } = decoder.getFrameInfo();
    const output = decoder.getDecodedBuffer().slice(); // it lies in the decoder's memory
    if (bitsPerSample <= 8) return isSigned ? new Int8Array(output.buffer) : output;
    return new Uint16Array(output.buffer, output.byteOffset, output.byteLength >> 1);
  } finally {
    decoder.delete();
  }
};

const DECODERS = {
  [IMPLICIT]: typed,
  [EXPLICIT]: typed,
  "1.2.840.10008.1.2.1.99": typed, // deflated as a whole, which the parser has undone
  [BIG_ENDIAN]: typed,
  [RUN_LENGTHS]: runLengths,
  "1.2.840.10008.1.2.4.50": baseline,
  "1.2.840.10008.1.2.4.57": lossless,
  "1.2.840.10008.1.2.4.70": lossless,
  "1.2.840.10008.1.2.4.90": jpeg2000,
  "1.2.840.10008.1.2.4.91": jpeg2000,
};

// From the bytes of the pixels and what the header says to numbers, row by row: a typed array or a
// promise of one. Undefined for a syntax that nothing here undoes.
export const decoder = (syntax) => DECODERS[syntax];
