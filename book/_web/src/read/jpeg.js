// The browser's own decoder, without its colour management: the file's numbers, turned upright.
import { checkSize } from "./index.js";
import { toUnit } from "./grey.js";

export const decode = async (bytes, name) => {
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }), {
    colorSpaceConversion: "none",
  });
  const { width, height } = picture;
  checkSize(width, height, name);
  const brush = new OffscreenCanvas(width, height).getContext("2d");
  brush.drawImage(picture, 0, 0);
  picture.close();
  return { width, height, data: toUnit(brush.getImageData(0, 0, width, height).data, 4, 8) };
};
