// A DICOM radiograph as it asks to be shown, with bone bright: `read_dicom_picture` of the library.
import dicomParser from "dicom-parser";
import { Inflate } from "fflate";
import { Refusal } from "../refusal.js";
import { checkSize } from "./index.js";
import * as syntaxes from "./syntaxes.js";

const { parseDicom, readEncapsulatedImageFrame, readEncapsulatedPixelDataFromFragments } = dicomParser;

const TAGS = {
  samples: "x00280002", frames: "x00280008", rows: "x00280010", columns: "x00280011", photometric: "x00280004",
  allocated: "x00280100", stored: "x00280101", highBit: "x00280102", signed: "x00280103",
  padding: "x00280120", paddingLimit: "x00280121",
  centre: "x00281050", width: "x00281051", function: "x00281056", intercept: "x00281052", slope: "x00281053",
  modalityTable: "x00283000", interestTable: "x00283010", descriptor: "x00283002", entries: "x00283006",
  print: "x20500010", shape: "x20500020",
  shared: "x52009229", frame: "x52009230", pixels: "x7fe00010", syntax: "x00020010",
};
const FLOATS = ["x7fe00008", "x7fe00009"];
// Functional groups of an enhanced file that say how it is shown: values, window.
const GROUPS = ["x00289145", "x00289132"];
// The largest image of the page has 36 million pixels of up to 4 bytes; pieces of a packed file.
const [INFLATED, PIECE] = [160 * 2 ** 20, 2 ** 15];

export const decode = async (bytes, name) => {
  const header = parsed(bytes, name);
  check(header, name);
  const about = { ...described(header, name), name };
  const elements = shownBy(header);
  const values = inBits(await pixels(header, about, name), about);
  const data = displayed(values, elements, about);
  for (const [i, value] of values.entries()) if (about.padded(value)) data[i] = 0;
  return { width: about.columns, height: about.rows, data };
};

// The first letters of a file without preamble: the tag of an element of group 8, then its kind.
const headless = (bytes) => {
  const plausible = bytes[0] === 8 && bytes[1] === 0 && bytes[2] < 32 && bytes[3] === 0;
  if (!plausible || String.fromCharCode(...bytes.subarray(128, 132)) === "DICM") return undefined;
  const letters = [bytes[4], bytes[5]].every((code) => code > 64 && code < 91);
  return letters ? syntaxes.EXPLICIT : syntaxes.IMPLICIT;
};

const parsed = (bytes, name) => {
  let why = "";
  try {
    const header = parseDicom(bytes, { inflater: inflater(name), TransferSyntaxUID: headless(bytes) });
    // A text of any length that begins like an element has no others.
    if (Object.keys(header.elements).length > 1) return header;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    why = error.exception ?? error.message ?? error;
  }
  const signed = String.fromCharCode(...bytes.subarray(128, 132)) === "DICM";
  if (signed && why) throw new Refusal(`${name} is damaged, or does not say how it is coded (${why}): copy it again, or use the library.`);
  throw new Refusal(`${name} is not a DICOM file: convert it or leave it out.`);
};

// What undoes a file that is compressed as a whole, from `position` on, a piece at a time: a small file
// may grow to gigabytes.
const inflater = (name) => (bytes, position) => {
  const parts = [bytes.slice(0, position)];
  let size = position;
  const stream = new Inflate((part) => {
    size += part.length;
    if (size > INFLATED) throw new Refusal(`${name} grows to more than ${INFLATED / 2 ** 20} MB when it is unpacked: leave it out.`);
    parts.push(part.slice());
  });
  for (let at = position; at < bytes.length; at += PIECE) {
    stream.push(bytes.subarray(at, at + PIECE), at + PIECE >= bytes.length);
  }
  const whole = new Uint8Array(size);
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
};

// Where the elements that say how the file is shown stand: in its functional groups, or plainly.
const shownBy = (header) => {
  const inside = (data, tag) => data?.elements[tag]?.items?.[0]?.dataSet;
  const groups = [TAGS.frame, TAGS.shared].flatMap((tag) => GROUPS.map((group) => inside(inside(header, tag), group)));
  const places = [...groups, header].filter(Boolean);
  const of = (name) => places.find(({ elements }) => elements[TAGS[name]]?.length || elements[TAGS[name]]?.items?.length);
  return {
    number: (name) => {
      const value = of(name)?.floatString(TAGS[name], 0);
      if (value !== undefined && !Number.isFinite(value)) throw new Error(`its ${name} is no number`);
      return value;
    },
    word: (name) => of(name)?.string(TAGS[name], 0)?.toUpperCase() ?? "",
    table: (name) => inside(of(name), TAGS[name]),
  };
};

const described = (header, name) => {
  const integer = (tag, low, high, absent) => {
    const value = header.uint16(TAGS[tag]) ?? absent;
    if (value >= low && value <= high) return value;
    throw new Refusal(`${name} has ${value ?? "no value"} as its ${tag}, which must lie between ${low} and ${high}: export it again.`);
  };
  const [rows, columns] = [integer("rows", 1, 65535), integer("columns", 1, 65535)];
  checkSize(columns, rows, name);
  const allocated = integer("allocated", 1, 32);
  const stored = integer("stored", 1, allocated);
  const shift = integer("highBit", stored - 1, allocated - 1, stored - 1) + 1 - stored;
  const signed = integer("signed", 0, 1) === 1;
  const syntax = header.string(TAGS.syntax) ?? syntaxes.IMPLICIT;
  const low = signed ? -(2 ** (stored - 1)) : 0;
  return {
    rows, columns, allocated, stored, shift, signed, low, high: low + 2 ** stored - 1, syntax,
    littleEndian: syntax !== syntaxes.BIG_ENDIAN, padded: padding(header, low, 2 ** (signed ? stored : allocated)),
  };
};

// Whether a stored value is no part of the image. Writers mix up the sign of these values, and where
// there is one how many bits they have.
const padding = (header, low, number) => {
  const first = header.uint16(TAGS.padding);
  if (first === undefined) return () => false;
  const ends = [first, header.uint16(TAGS.paddingLimit) ?? first].map((v) => ((((v - low) % number) + number) % number) + low);
  return (v) => v >= Math.min(...ends) && v <= Math.max(...ends);
};

const check = (header, name) => {
  if (FLOATS.some((tag) => header.elements[tag])) {
    throw new Refusal(`${name} has floating-point pixels, which this page cannot read: use the library.`);
  }
  if (!header.elements[TAGS.pixels]) {
    throw new Refusal(`${name} is a DICOM file without pixels (a report?): leave it out.`);
  }
  const kind = header.string(TAGS.photometric) ?? "no type";
  if ((kind !== "MONOCHROME1" && kind !== "MONOCHROME2") || (header.uint16(TAGS.samples) ?? 1) > 1) {
    throw new Refusal(`${name} is not a grey image (${kind}): export it as MONOCHROME2 or PNG.`);
  }
  const frames = header.string(TAGS.frames) === undefined ? 1 : Number(header.string(TAGS.frames));
  if (frames !== 1) {
    const said = Number.isInteger(frames) ? `holds ${frames}` : "does not say how many it holds of its";
    throw new Refusal(`${name} ${said} frames: save each frame as a file of its own.`);
  }
};

const pixels = async (header, about, name) => {
  const element = header.elements[TAGS.pixels];
  const decoder = syntaxes.decoder(about.syntax);
  if (!decoder || (about.shift && element.encapsulatedPixelData && about.syntax !== syntaxes.RUN_LENGTHS)) {
    throw new Refusal(`${name} is compressed in a way that this page cannot undo (${about.syntax}): save it uncompressed, or use the library.`);
  }
  if (!element.encapsulatedPixelData) {
    const { dataOffset, length } = element;
    return decoder(header.byteArray.subarray(dataOffset, dataOffset + length), { ...about, name });
  }
  return decoder(oneFrame(header, element), { ...about, name });
};

// All fragments of the only frame, whether or not a table says where it begins.
const oneFrame = (header, element) => {
  if (element.basicOffsetTable.length) return readEncapsulatedImageFrame(header, element, 0);
  return readEncapsulatedPixelDataFromFragments(header, element, 0, element.fragments.length);
};

// Bits beside the stored ones, which old files fill with overlays, are cut off.
const inBits = (values, { stored, shift, signed, rows, columns }) => {
  if (values.length < rows * columns) throw new Error("fewer pixels than the header says");
  if (values.length >= 2 * rows * columns) throw new Error("more frames than the header says");
  const below = 2 ** shift - 1;
  if (shift && values.some((v) => v & below) && !values.some((v) => (v >>> stored) & below)) {
    throw new Error(`its values seem to begin at bit 0 and not at bit ${shift}`);
  }
  const [up, down] = [32 - stored - shift, 32 - stored];
  return Float64Array.from(values.subarray(0, rows * columns), (v) =>
    signed ? (v << up) >> down : (v << up) >>> down);
};

// The modality transform, then the file's table of values of interest, whose bit depth becomes 0
// and 1, or its first window, whose ends do; without either the ends of what can be stored do. The
// last step inverts where its shape or the kind of the pixels says so.
const displayed = (values, elements, about) => {
  const { values: changed, dark, bright } = modality(values, elements, about);
  const table = elements.table("interestTable");
  const unit = ([low, high]) => (v) => Math.min(1, Math.max(0, (v - low) / (high - low)));
  let shown;
  if (table) {
    const found = opened(table, dark < 0, about);
    shown = looked(changed, found).map(unit([0, 2 ** found.bits - 1]));
  } else if (elements.number("width") !== undefined || elements.number("centre") !== undefined) {
    shown = changed.map(windowed(elements, about));
  } else {
    shown = changed.map(unit([dark, bright]));
  }
  const inverted = inverts(elements, about);
  return Float32Array.from(shown, (v) => (inverted ? 1 - v : v));
};

const modality = (values, elements, about) => {
  const table = elements.table("modalityTable");
  if (table) {
    const found = opened(table, about.low < 0, about);
    // The bits that it uses are what a window would be set to.
    const used = Math.max(1, 32 - Math.clz32(found.entries.reduce((a, b) => Math.max(a, b))));
    return { values: looked(values, found), dark: 0, bright: 2 ** used - 1 };
  }
  let [slope, intercept] = [elements.number("slope"), elements.number("intercept")];
  if ((slope === undefined) !== (intercept === undefined)) {
    throw new Refusal(`${about.name} has only one of Rescale Slope and Rescale Intercept: export it again.`);
  }
  [slope, intercept] = [slope ?? 1, intercept ?? 0];
  if (slope === 0) {
    throw new Refusal(`${about.name} has a Rescale Slope of 0, which makes all pixels equal: export it again.`);
  }
  const ends = [about.low, about.high].map((v) => v * slope + intercept);
  return { values: values.map((v) => v * slope + intercept), dark: Math.min(...ends), bright: Math.max(...ends) };
};

const WINDOWS = ["LINEAR", "LINEAR_EXACT", "SIGMOID"];

// DICOM PS3.3, C.11.2.1.2 and C.11.2.1.3: from values to between 0 and 1.
const windowed = (elements, { name }) => {
  const [centre, width] = [elements.number("centre"), elements.number("width")];
  const kind = elements.word("function") || "LINEAR";
  if (centre === undefined || !WINDOWS.includes(kind) || !(width >= (kind === "LINEAR" ? 1 : Number.MIN_VALUE))) {
    throw new Refusal(`${name} has a window that means nothing (${kind}, centre ${centre}, width ${width}): export it without one.`);
  }
  if (kind === "SIGMOID") return (v) => 1 / (1 + Math.exp((-4 * (v - centre)) / width));
  const [middle, wide] = kind === "LINEAR" ? [centre - 0.5, width - 1] : [centre, width];
  if (wide === 0) return (v) => (v > middle ? 1 : 0);
  return (v) => Math.min(1, Math.max(0, (v - middle) / wide + 0.5));
};

const inverts = (elements, { name }) => {
  if (elements.table("print")) {
    throw new Refusal(`${name} has a Presentation LUT Sequence, which belongs to a print: export it without one.`);
  }
  const shape = elements.word("shape");
  if (!["", "IDENTITY", "INVERSE"].includes(shape)) {
    throw new Refusal(`${name} has a Presentation LUT Shape that is not known (${shape}): export it without one.`);
  }
  return shape === "INVERSE" || elements.word("photometric") === "MONOCHROME1";
};

// A table: the value that its first entry is for, whose sign is that of what it maps, its entries.
const opened = (table, negative, { name, littleEndian }) => {
  const first = negative ? table.int16(TAGS.descriptor, 1) : table.uint16(TAGS.descriptor, 1);
  const count = table.uint16(TAGS.descriptor, 0) || 2 ** 16;
  const bits = table.uint16(TAGS.descriptor, 2);
  const { dataOffset, length } = table.elements[TAGS.entries];
  const wide = length >= 2 * count;
  if (!(bits >= 1 && bits <= 16) || (!wide && (bits > 8 || length < count || !littleEndian))) {
    throw new Refusal(`${name} has a look-up table that this page cannot read (${count} entries of ${bits} bits in ${length} bytes): use the library.`);
  }
  const entries = Float64Array.from({ length: count }, (_, i) =>
    wide ? table.uint16(TAGS.entries, i) : table.byteArray[dataOffset + i]);
  if (entries.some((entry) => entry >= 2 ** bits)) {
    throw new Refusal(`${name} has a look-up table of ${bits} bits with larger values in it: export it again.`);
  }
  return { first, entries, bits };
};

// Halves go to the even number, as in NumPy.
const rounded = (v) => {
  const up = Math.round(v);
  return up - v === 0.5 && up % 2 ? up - 1 : up;
};

const looked = (values, { first, entries }) =>
  values.map((v) => entries[Math.min(entries.length - 1, Math.max(0, rounded(v) - first))]);
