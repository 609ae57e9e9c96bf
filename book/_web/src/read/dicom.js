// A DICOM radiograph as it asks to be shown, with bone bright: `read_dicom` of the library.
import dicomParser from "dicom-parser";
import { inflateSync } from "fflate";
import { Refusal } from "../refusal.js";
import { checkSize } from "./index.js";
import * as syntaxes from "./syntaxes.js";

const { parseDicom, readEncapsulatedImageFrame, readEncapsulatedPixelDataFromFragments } = dicomParser;

const TAGS = {
  samples: "x00280002", frames: "x00280008", rows: "x00280010", columns: "x00280011", photometric: "x00280004",
  allocated: "x00280100", stored: "x00280101", signed: "x00280103",
  centre: "x00281050", width: "x00281051", function: "x00281056", intercept: "x00281052", slope: "x00281053",
  modalityTable: "x00283000", interestTable: "x00283010", descriptor: "x00283002", entries: "x00283006",
  pixels: "x7fe00010", syntax: "x00020010",
};

export const decode = async (bytes, name) => {
  let header;
  try {
    header = parseDicom(bytes, { inflater });
  } catch {
    throw new Refusal(`${name} is not a DICOM file: convert it or leave it out.`);
  }
  const about = { ...described(header), name };
  check(header, about, name);
  const stored = inBits(await pixels(header, about, name), about);
  const data = displayed(stored, header, about);
  return { width: about.columns, height: about.rows, data };
};

// A file that is compressed as a whole, from `position` on.
const inflater = (bytes, position) => {
  const rest = inflateSync(bytes.subarray(position));
  const whole = new Uint8Array(position + rest.length);
  whole.set(bytes.subarray(0, position));
  whole.set(rest, position);
  return whole;
};

const described = (header) => {
  const short = (tag) => header.uint16(TAGS[tag]);
  return {
    rows: short("rows"),
    columns: short("columns"),
    samples: short("samples") ?? 1,
    allocated: short("allocated"),
    stored: short("stored"),
    signed: short("signed") === 1,
    kind: header.string(TAGS.photometric) ?? "no type",
    frames: header.intString(TAGS.frames) ?? 1,
    syntax: header.string(TAGS.syntax) ?? syntaxes.IMPLICIT,
    littleEndian: header.string(TAGS.syntax) !== syntaxes.BIG_ENDIAN,
  };
};

const check = (header, { kind, frames, rows, columns, samples }, name) => {
  if (!header.elements[TAGS.pixels]) {
    throw new Refusal(`${name} is a DICOM file without pixels (a report?): leave it out.`);
  }
  if ((kind !== "MONOCHROME1" && kind !== "MONOCHROME2") || samples > 1) {
    throw new Refusal(`${name} is not a grey image (${kind}): export it as MONOCHROME2 or PNG.`);
  }
  if (frames > 1) {
    throw new Refusal(`${name} holds ${frames} frames: save each frame as a file of its own.`);
  }
  checkSize(columns, rows, name);
};

const pixels = async (header, about, name) => {
  const element = header.elements[TAGS.pixels];
  const decoder = syntaxes.decoder(about.syntax);
  if (!decoder) {
    throw new Refusal(`${name} is compressed in a way that this page cannot undo (${about.syntax}): save it uncompressed, or use the library.`);
  }
  if (!element.encapsulatedPixelData) {
    const { dataOffset, length } = element;
    return decoder(header.byteArray.subarray(dataOffset, dataOffset + length), about);
  }
  return decoder(oneFrame(header, element), about);
};

// All fragments of the only frame, whether or not a table says where it begins.
const oneFrame = (header, element) => {
  if (element.basicOffsetTable.length) return readEncapsulatedImageFrame(header, element, 0);
  return readEncapsulatedPixelDataFromFragments(header, element, 0, element.fragments.length);
};

// Bits above the stored ones, which old files fill with overlays, are cleared or sign-extended.
const inBits = (values, { stored, signed, rows, columns }) => {
  if (values.length < rows * columns) throw new Error("fewer pixels than the header says");
  const shift = 32 - stored;
  return Float64Array.from(values.subarray(0, rows * columns), (v) =>
    signed ? (v << shift) >> shift : (v << shift) >>> shift);
};

// The modality transform, then the window of the header, whose ends become 0 and 1; without a
// window its table of values of interest; without either the ends of the stored bit depth.
const displayed = (values, header, about) => {
  let [dark, bright] = ends(header, about);
  let shown = rescaled(values, header, about);
  const number = (tag) => header.floatString(TAGS[tag], 0);
  const table = header.elements[TAGS.interestTable]?.items?.[0]?.dataSet;
  if (number("width") !== undefined && number("centre") !== undefined) {
    const kind = header.string(TAGS.function)?.toUpperCase() || "LINEAR";
    const [centre, width] = [number("centre"), number("width")];
    if (!WINDOWS.includes(kind) || width < (kind === "LINEAR" ? 1 : Number.MIN_VALUE)) {
      throw new Refusal(`${about.name} has a window that means nothing (${kind}, width ${width}): export it without one, or as PNG.`);
    }
    shown = shown.map(windowed(kind, centre, width, dark, bright));
  } else if (table) {
    const found = opened(table, about);
    shown = looked(shown, found);
    [dark, bright] = [0, 2 ** found.bits - 1];
  } else if (dark > bright) {
    [dark, bright] = [bright, dark];
  }
  const inverted = about.kind === "MONOCHROME1";
  return Float32Array.from(shown, (v) => {
    const unit = Math.min(1, Math.max(0, (v - dark) / (bright - dark)));
    return inverted ? 1 - unit : unit;
  });
};

const linear = (header) => {
  const [slope, intercept] = [TAGS.slope, TAGS.intercept].map((tag) => header.floatString(tag));
  return slope === undefined || intercept === undefined ? [1, 0] : [slope, intercept];
};

const modalityTable = (header) => header.elements[TAGS.modalityTable]?.items?.[0]?.dataSet;

const rescaled = (values, header, about) => {
  const table = modalityTable(header);
  if (table) return looked(values, opened(table, about));
  const [slope, intercept] = linear(header);
  return values.map((v) => v * slope + intercept);
};

// What the ends of the stored bit depth become under the modality transform.
const ends = (header, { stored, signed }) => {
  const table = modalityTable(header);
  if (table) return [0, 2 ** table.uint16(TAGS.descriptor, 2) - 1];
  const [slope, intercept] = linear(header);
  const low = signed ? -(2 ** (stored - 1)) : 0;
  return [low * slope + intercept, (low + 2 ** stored - 1) * slope + intercept];
};

const WINDOWS = ["LINEAR", "LINEAR_EXACT", "SIGMOID"];

// DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3: from values to between `dark` and `bright`.
const windowed = (kind, centre, width, dark, bright) => {
  const range = bright - dark;
  if (kind === "SIGMOID") {
    return (v) => range / (1 + Math.exp((-4 * (v - centre)) / width)) + dark;
  }
  const exact = kind === "LINEAR_EXACT";
  const [middle, wide] = exact ? [centre, width] : [centre - 0.5, width - 1];
  return (v) => {
    if (v <= middle - wide / 2) return dark;
    if (v > middle + wide / 2) return bright;
    return ((v - middle) / wide + 0.5) * range + dark;
  };
};

const opened = (table, { signed }) => {
  const first = signed ? table.int16(TAGS.descriptor, 1) : table.uint16(TAGS.descriptor, 1);
  const count = table.uint16(TAGS.descriptor, 0) || 2 ** 16;
  const { dataOffset, length } = table.elements[TAGS.entries];
  const entries = Float64Array.from({ length: count }, (_, i) =>
    length >= 2 * count ? table.uint16(TAGS.entries, i) : table.byteArray[dataOffset + i]);
  return { first, entries, bits: table.uint16(TAGS.descriptor, 2) };
};

// Halves go to the even number, as in NumPy.
const rounded = (v) => {
  const up = Math.round(v);
  return up - v === 0.5 && up % 2 ? up - 1 : up;
};

const looked = (values, { first, entries }) =>
  values.map((v) => entries[Math.min(entries.length - 1, Math.max(0, rounded(v) - first))]);
