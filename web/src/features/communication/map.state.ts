/** The picture of the links: where each part stands, and the line of each link. Pure geometry in the units of the drawing. */
import type { Link } from "@/contracts/api";
import { conditionOf, type Condition } from "./communication.state";
import { WIDE, type Layout, type Place, type Role } from "./map.places";

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
  /** Where its numbers stand, and how much room they have. */
  readonly label: Label;
}

export interface Label {
  readonly x: number;
  readonly y: number;
  /** They stand over the middle of a line, beside one that goes up or down, and at the tip of a short one that has neighbours. */
  readonly anchor: "start" | "middle" | "end";
  /** Room for all numbers, or only for the first. */
  readonly long: boolean;
}

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
}

/** The two ends of a row, as its id names them: `ai-ollama` → ai, ollama. */
export function endsOf(link: Link): readonly [string, string] {
  const cut = link.id.indexOf("-");
  return cut > 0 ? [link.id.slice(0, cut), link.id.slice(cut + 1)] : [link.from, link.to];
}

function boxesOf(links: readonly Link[], layout: Layout): Box[] {
  const labels = new Map<string, string>();
  for (const link of links) {
    const [from, to] = endsOf(link);
    if (!labels.has(from)) labels.set(from, link.from);
    if (!labels.has(to)) labels.set(to, link.to);
  }
  const { frames, places, part, spares } = layout;
  let spare = 0;
  const below = (): Place => {
    const index = spare++;
    return [16 + (index % spares.perRow) * spares.apart, layout.height + 24 + Math.floor(index / spares.perRow) * 64, "service"];
  };
  const boxes = [...labels].map(([id, label]): Box => {
    const frame = frames[id] !== undefined;
    const [x, y, role, width = part.width, height = part.height] = frames[id] ?? places[id] ?? below();
    return { id, label, role, x, y, width, height, frame };
  });
  return boxes.sort((a, b) => Number(b.frame) - Number(a.frame));
}

const centre = (box: Box): Point => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
/** Lines keep this far from the corners of a frame. */
const MARGIN = 16;
/** Length of a tip, and its distance from the box that it points to. */
export const TIP = 9;
const GAP = 2;
/** Shortest line that has room for all its numbers. */
const LONG_FROM = 90;
/** Lines that share a side of a box leave it so far from one another. */
const APART = 10;

interface Point {
  readonly x: number;
  readonly y: number;
}
type Way = Pick<Line, "path" | "label">;
const r = (value: number): number => Math.round(value * 10) / 10;

type Side = "left" | "right" | "up" | "down";
const sidesOf = (from: Box, to: Box): readonly [Side, Side] => {
  if (from.x + from.width <= to.x) return ["right", "left"];
  if (to.x + to.width <= from.x) return ["left", "right"];
  return centre(from).y < centre(to).y ? ["down", "up"] : ["up", "down"];
};

/** How far from the middle of its side each line meets a box, so that lines of one side do not lie on one another. */
class Ports {
  private readonly sides = new Map<string, { id: string; towards: number }[]>();

  add(box: Box, side: Side, id: string, other: Box): void {
    const key = `${box.id} ${side}`;
    this.sides.set(key, [...(this.sides.get(key) ?? []), { id, towards: centre(other).y }]);
  }

  isShared(box: Box, side: Side): boolean {
    return (this.sides.get(`${box.id} ${side}`)?.length ?? 0) > 1;
  }

  at(box: Box, side: Side, id: string): number {
    const lines = [...(this.sides.get(`${box.id} ${side}`) ?? [])].sort((a, b) => a.towards - b.towards);
    const index = lines.findIndex((line) => line.id === id);
    return index < 0 ? 0 : (index - (lines.length - 1) / 2) * APART;
  }
}

/** Where on the side of `box` a line towards height `y` leaves. */
const sideY = (box: Box, y: number, port: number): number => (box.frame ? clamp(y, box.y + MARGIN, box.y + box.height - MARGIN) : centre(box).y + port);

function route(from: Box, to: Box, id: string, ports: Ports, lanes: Layout["lanes"]): Way {
  const [leaves, enters] = sidesOf(from, to);
  if (leaves === "left" || leaves === "right") {
    const way = leaves === "right" ? 1 : -1;
    const start = { x: way > 0 ? from.x + from.width : from.x, y: sideY(from, centre(to).y, ports.at(from, leaves, id)) };
    // A frame is met at the height at which the line begins, so that the line is level.
    const end = { x: (way > 0 ? to.x : to.x + to.width) - way * (GAP + TIP), y: sideY(to, start.y, ports.at(to, enters, id)) };
    return curve(start, end, { x: (end.x - start.x) / 2, y: 0 }, ports.isShared(from, leaves));
  }
  const down = leaves === "down";
  const x = Math.max(from.x, to.x) + Math.min(from.width, to.width) * (down ? lanes.down : lanes.up);
  const start = { x, y: down ? from.y + from.height : from.y };
  const end = { x, y: down ? to.y - GAP - TIP : to.y + to.height + GAP + TIP };
  return curve(start, end, { x: 0, y: (end.y - start.y) / 2 });
}

function curve(start: Point, end: Point, pull: Point, shared = false): Way {
  const path = `M${r(start.x)} ${r(start.y)} C${r(start.x + pull.x)} ${r(start.y + pull.y)} ${r(end.x - pull.x)} ${r(end.y - pull.y)} ${r(end.x)} ${r(end.y)}`;
  const middle = { x: r((start.x + end.x) / 2), y: r((start.y + end.y) / 2) };
  if (start.x === end.x) return { path, label: { x: middle.x + 8, y: middle.y + 3, anchor: "start", long: true } };
  const long = Math.abs(end.x - start.x) >= LONG_FROM;
  if (shared && !long) return { path, label: { x: r(end.x + TIP - 1), y: r(end.y + (end.y > start.y ? 15 : -7)), anchor: "end", long } };
  return { path, label: { x: middle.x, y: middle.y - 7, anchor: "middle", long } };
}

/** A line that passes over a box in its way: the live channel from the browser goes above the gateway. */
function over(from: Box, to: Box): Way {
  const start = { x: centre(from).x, y: from.y };
  const end = { x: to.x - GAP - TIP, y: to.y + 48 };
  const corner = 24;
  const path = `M${start.x} ${start.y} L${start.x} ${end.y + corner} Q${start.x} ${end.y} ${start.x + corner} ${end.y} L${end.x} ${end.y}`;
  return { path, label: { x: r((start.x + corner + end.x) / 2), y: end.y - 7, anchor: "middle", long: true } };
}

/** A line down the left margin, past what stands between two parts. */
function round(from: Box, to: Box): Way {
  const start = { x: from.x, y: centre(from).y };
  const end = { x: to.x - GAP - TIP, y: to.y + 48 };
  const corner = 8;
  const lane = end.x - corner - 2;
  const path = `M${start.x} ${start.y} L${lane + corner} ${start.y} Q${lane} ${start.y} ${lane} ${start.y + corner} L${lane} ${end.y - corner} Q${lane} ${end.y} ${lane + corner} ${end.y} L${end.x} ${end.y}`;
  return { path, label: { x: lane + 4, y: to.y - 8, anchor: "start", long: false } };
}

const SPECIAL = { over, round };

/** The picture of some links, in one of the layouts. */
export function draw(links: readonly Link[], layout: Layout = WIDE): Picture {
  const boxes = boxesOf(links, layout);
  const byId = new Map(boxes.map((box) => [box.id, box]));
  const ports = new Ports();
  const ends = links.flatMap((link) => {
    const [from, to] = endsOf(link).map((id) => byId.get(id));
    return from === undefined || to === undefined ? [] : [{ link, from, to, way: layout.ways[link.id] }];
  });
  for (const { link, from, to, way } of ends) {
    if (way) continue;
    const [leaves, enters] = sidesOf(from, to);
    ports.add(from, leaves, link.id, to);
    ports.add(to, enters, link.id, from);
  }
  const lines = ends.map(({ link, from, to, way }): Line => {
    const { path, label } = way ? SPECIAL[way](from, to) : route(from, to, link.id, ports, layout.lanes);
    return { link, path, label: { ...label, long: label.long && !layout.narrow } };
  });
  const height = Math.max(layout.height, ...boxes.map((box) => box.y + box.height + 24));
  return { width: layout.width, height, boxes, lines };
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

const SEVERITY: readonly Condition[] = ["half_open", "open", "isolated"];

/** What a part looks like from its links: its worst trouble, not there, replaced, or fine. */
export type Standing = "fine" | "replaced" | "absent" | Extract<Condition, "half_open" | "open" | "isolated">;

/** A part is in trouble when calls to it are: what it calls itself is the trouble of the others. */
export function standings(links: readonly Link[]): ReadonlyMap<string, Standing> {
  const present = presentParts(links);
  const found = new Map<string, Standing>();
  for (const link of links) {
    const [from, to] = endsOf(link);
    for (const part of [from, to]) if (!found.has(part)) found.set(part, present.has(part) ? "fine" : "absent");
    const condition = conditionOf(link);
    if (!present.has(to) && link.state === "substituted") found.set(to, "replaced");
    if (SEVERITY.indexOf(condition) > SEVERITY.indexOf(found.get(to) as Condition)) found.set(to, condition as Standing);
  }
  return found;
}

/** Thickness of a line for calls a second: even one call an hour can be seen, and a thousand do not cover the rest. */
export function thickness(rate: number): number {
  return r(1.5 + Math.min(4.5, 0.5 * Math.log2(1 + rate * 3)));
}
