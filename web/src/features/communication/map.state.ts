/** The picture of the links: where each part stands, and the line of each link. Pure geometry in the units of the drawing. */
import type { Link } from "@/contracts/api";

export type Role = "client" | "gateway" | "service" | "worker" | "model" | "store" | "broker";

export interface Box {
  readonly id: string;
  readonly label: string;
  readonly role: Role;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Holds other boxes. */
  readonly frame: boolean;
}

export interface Line {
  readonly link: Link;
  readonly path: string;
  /** Where its numbers can stand; null when it is too short for them. */
  readonly middle: { readonly x: number; readonly y: number } | null;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

type Place = readonly [x: number, y: number, role: Role, width?: number, height?: number];

const WIDTH = 126;
const HEIGHT = 38;
const FRAMES: Record<string, Place> = {
  backend: [360, 20, "service", 502, 210],
  ai: [360, 276, "service", 502, 186],
};
const PLACES: Record<string, Place> = {
  frontend: [16, 212, "client"],
  gateway: [188, 212, "gateway"],
  routers: [378, 106, "service"],
  services: [550, 106, "service"],
  repositories: [722, 54, "store"],
  publisher: [722, 106, "broker"],
  event_bus: [722, 158, "broker"],
  orchestrator: [378, 350, "service"],
  agents: [550, 350, "service"],
  llm: [722, 350, "service"],
  store: [1000, 30, "store"],
  redis: [1000, 82, "broker"],
  browser: [1000, 134, "worker"],
  notify: [1000, 186, "worker"],
  ollama: [1000, 278, "model"],
  openai: [1000, 326, "model"],
  llamacpp: [1000, 374, "model"],
  npu: [1000, 422, "worker"],
};
const OUTER_WIDTH = 164;
const BASE = { width: 1180, height: 482 };

/** The two ends of a row, as its id names them: `ai-ollama` → ai, ollama. */
export function endsOf(link: Link): readonly [string, string] {
  const cut = link.id.indexOf("-");
  return cut > 0 ? [link.id.slice(0, cut), link.id.slice(cut + 1)] : [link.from, link.to];
}

function boxOf(id: string, label: string, place: Place, frame: boolean): Box {
  const [x, y, role, width = x >= 900 ? OUTER_WIDTH : WIDTH, height = HEIGHT] = place;
  return { id, label, role, x, y, width, height, frame };
}

/** Parts that the drawing does not know (rows of an operator's own) stand in rows below it. */
function spare(index: number): Place {
  const perRow = 7;
  return [16 + (index % perRow) * 160, BASE.height + 24 + Math.floor(index / perRow) * 64, "service"];
}

function boxesOf(links: readonly Link[]): Box[] {
  const labels = new Map<string, string>();
  for (const link of links) {
    const [from, to] = endsOf(link);
    if (!labels.has(from)) labels.set(from, link.from);
    if (!labels.has(to)) labels.set(to, link.to);
  }
  let spares = 0;
  const boxes = [...labels].map(([id, label]) => {
    const frame = FRAMES[id];
    if (frame) return boxOf(id, label, frame, true);
    return boxOf(id, label, PLACES[id] ?? spare(spares++), false);
  });
  return boxes.sort((a, b) => Number(b.frame) - Number(a.frame));
}

const centre = (box: Box): { x: number; y: number } => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
/** Lines keep this far from the corners of a frame. */
const MARGIN = 16;
/** Lines end this far before a box, so that their tips can be seen. */
const GAP = 3;
/** Shortest line that has room for its numbers. */
const LABEL_FROM = 90;

/** Where on the side of `box` a line towards height `y` leaves. */
const sideY = (box: Box, y: number): number => (box.frame ? clamp(y, box.y + MARGIN, box.y + box.height - MARGIN) : centre(box).y);

function route(from: Box, to: Box): Pick<Line, "path" | "middle"> {
  const [a, b] = [centre(from), centre(to)];
  if (from.x + from.width <= to.x) {
    const start = { x: from.x + from.width, y: sideY(from, b.y) };
    const end = { x: to.x - GAP, y: sideY(to, start.y) };
    return curve(start, end, { x: (end.x - start.x) / 2, y: 0 });
  }
  if (to.x + to.width <= from.x) {
    const start = { x: from.x, y: sideY(from, b.y) };
    const end = { x: to.x + to.width + GAP, y: sideY(to, a.y) };
    return curve(start, end, { x: (end.x - start.x) / 2, y: 0 });
  }
  const down = a.y < b.y;
  const x = Math.max(from.x, to.x) + Math.min(from.width, to.width) * (down ? 0.42 : 0.58);
  const start = { x, y: down ? from.y + from.height : from.y };
  const end = { x, y: down ? to.y - GAP : to.y + to.height + GAP };
  return curve(start, end, { x: 0, y: (end.y - start.y) / 2 });
}

interface Point {
  readonly x: number;
  readonly y: number;
}
const r = (value: number): number => Math.round(value * 10) / 10;

function curve(start: Point, end: Point, pull: Point): Pick<Line, "path" | "middle"> {
  const path = `M${r(start.x)} ${r(start.y)} C${r(start.x + pull.x)} ${r(start.y + pull.y)} ${r(end.x - pull.x)} ${r(end.y - pull.y)} ${r(end.x)} ${r(end.y)}`;
  const isLevel = Math.abs(start.y - end.y) < 1 && Math.abs(end.x - start.x) >= LABEL_FROM;
  return { path, middle: isLevel ? { x: r((start.x + end.x) / 2), y: r(start.y) } : null };
}

/** A line that passes over a box in its way: the live channel from the browser goes above the gateway. */
function over(from: Box, to: Box): Pick<Line, "path" | "middle"> {
  const start = { x: centre(from).x, y: from.y };
  const end = { x: to.x - GAP, y: to.y + 48 };
  const corner = 24;
  const path = `M${start.x} ${start.y} L${start.x} ${end.y + corner} Q${start.x} ${end.y} ${start.x + corner} ${end.y} L${end.x} ${end.y}`;
  return { path, middle: { x: r((start.x + corner + end.x) / 2), y: end.y } };
}

export function draw(links: readonly Link[]): Picture {
  const boxes = boxesOf(links);
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const lines: Line[] = [];
  for (const link of links) {
    const [fromId, toId] = endsOf(link);
    const [from, to] = [byId.get(fromId), byId.get(toId)];
    if (from === undefined || to === undefined) continue;
    lines.push({ link, ...(fromId === "frontend" && toId === "backend" ? over(from, to) : route(from, to)) });
  }
  const height = Math.max(BASE.height, ...boxes.map((box) => box.y + box.height + 24));
  return { width: BASE.width, height, boxes, lines };
}

/**
 * The parts that are really there: an end of a link in use, or of one whose calls another row carries. Where something
 * else stands in for a part, only the caller is there.
 */
export function presentParts(links: readonly Link[]): ReadonlySet<string> {
  const rows = new Set(links.map(({ id }) => id));
  const present = new Set<string>();
  for (const link of links) {
    const [from, to] = endsOf(link);
    const carried = link.substituted_by !== null && rows.has(link.substituted_by);
    if (link.state === "in-use" || carried) present.add(from).add(to);
    else if (link.state === "substituted") present.add(from);
  }
  return present;
}

/** Thickness of a line for calls a second: even one call an hour can be seen, and a thousand do not cover the rest. */
export function thickness(rate: number): number {
  return r(1.5 + Math.min(4.5, 0.9 * Math.log2(1 + rate * 3)));
}
