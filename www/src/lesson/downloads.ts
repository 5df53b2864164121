/** Files that the lesson gives away: a plot as a picture, a run as JSON, an adapter. Everything is made here; nothing is fetched. */

/** Lets the browser save a file. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser begins to save after this; a minute later it has what it needs.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** What of an element's look a picture of it needs: a copy outside of the page has none of the page's style sheets. */
const LOOK = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "stroke-linecap",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "font-variant-numeric",
  "text-anchor",
  "direction",
] as const;

/** Pixels of the picture for one of the page's: sharp on a slide, too. */
const SCALE = 2;

/** A drawing as a PNG, as it looks in the page, on the page's ground, with a line of text above. */
export async function drawingAsPng(drawing: SVGSVGElement, title: string): Promise<Blob> {
  const { width, height } = drawing.getBoundingClientRect();
  const style = getComputedStyle(drawing);
  const ground = getComputedStyle(document.body).backgroundColor;
  const titleHeight = 34;
  const image = new Image();
  const address = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(withItsLook(drawing)))}`;
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(width * SCALE);
  canvas.height = Math.round((height + titleHeight) * SCALE);
  const context = canvas.getContext("2d");
  if (context === null) throw new Error("the browser gives no canvas");
  context.scale(SCALE, SCALE);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height + titleHeight);
  context.fillStyle = style.color;
  context.font = `600 14px ${style.fontFamily}`;
  context.fillText(title, 6, 21, width - 12);
  context.drawImage(image, 0, titleHeight, width, height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) throw new Error("the browser makes no PNG of the drawing");
  return blob;
}

/** A copy in which every element carries its look with it. */
function withItsLook(drawing: SVGSVGElement): SVGSVGElement {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const originals = [drawing, ...drawing.querySelectorAll<SVGElement>("*")];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  originals.forEach((original, at) => {
    const style = getComputedStyle(original);
    for (const name of LOOK) copies[at]?.style.setProperty(name, style.getPropertyValue(name));
  });
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return copy;
}

/** A picture of a canvas's, small enough for a file that is passed on. */
export function asDataAddress(canvas: HTMLCanvasElement): string {
  return canvas.toDataURL("image/jpeg", 0.82);
}
