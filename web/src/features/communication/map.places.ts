/** Where each part stands on the map, for wide and for narrow windows. Pure data in the units of the drawing. */

export type Role = "client" | "gateway" | "service" | "worker" | "model" | "store" | "broker" | "web";
export type Place = readonly [x: number, y: number, role: Role, width?: number, height?: number];

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Parts that hold others. */
  readonly frames: Readonly<Record<string, Place>>;
  readonly places: Readonly<Record<string, Place>>;
  /** Size of a part that does not say its own. */
  readonly part: { readonly width: number; readonly height: number };
  /** Parts that the drawing does not know (rows of an operator's own) stand below it: how many in a row, and how far apart. */
  readonly spares: { readonly perRow: number; readonly apart: number };
  /** At which part of a shared width lines go down and up. */
  readonly lanes: { readonly down: number; readonly up: number };
  /** Links that pass another part on their way: over it, or round it by the margin. */
  readonly ways: Readonly<Record<string, "over" | "round">>;
  /** Only the first number of each line has room, and a part shows no sign. */
  readonly narrow: boolean;
}

/** Units of the outer parts' width. */
const OUTER = 164;
const FAR = 1000;

/** From left to right, as calls go. */
export const WIDE: Layout = {
  width: 1180,
  height: 596,
  frames: { backend: [360, 20, "service", 502, 320], ai: [360, 386, "service", 502, 186] },
  places: {
    frontend: [16, 290, "client"],
    gateway: [188, 290, "gateway"],
    routers: [378, 140, "service"],
    reports: [378, 236, "service"],
    services: [550, 140, "service"],
    repositories: [722, 82, "store"],
    publisher: [722, 140, "broker"],
    event_bus: [722, 198, "broker"],
    orchestrator: [378, 460, "service"],
    agents: [550, 460, "service"],
    llm: [722, 460, "service"],
    models: [722, 404, "service"],
    store: [FAR, 22, "store", OUTER],
    blobs: [FAR, 68, "store", OUTER],
    redis: [FAR, 114, "broker", OUTER],
    parser: [FAR, 160, "worker", OUTER],
    web: [FAR, 206, "web", OUTER],
    browser: [FAR, 252, "worker", OUTER],
    notify: [FAR, 298, "worker", OUTER],
    ollama: [FAR, 388, "model", OUTER],
    openai: [FAR, 436, "model", OUTER],
    llamacpp: [FAR, 484, "model", OUTER],
    npu: [FAR, 532, "worker", OUTER],
  },
  part: { width: 126, height: 38 },
  spares: { perRow: 7, apart: 160 },
  lanes: { down: 0.42, up: 0.58 },
  ways: { "frontend-backend": "over" },
  narrow: false,
};

/** Columns of the narrow drawing: two inside the frames, one beside them. */
const FIRST = 36;
const SECOND = 142;
const BESIDE = 259;
const BESIDE_WIDTH = 112;

/** From top to bottom, as wide as a phone. */
export const NARROW: Layout = {
  width: 374,
  height: 698,
  frames: { backend: [28, 84, "service", 204, 324], ai: [28, 462, "service", 204, 212] },
  places: {
    gateway: [FIRST, 10, "gateway"],
    frontend: [174, 10, "client", 104],
    routers: [FIRST, 120, "service"],
    reports: [SECOND, 120, "service"],
    services: [FIRST, 264, "service"],
    repositories: [SECOND, 192, "store"],
    publisher: [SECOND, 264, "broker"],
    event_bus: [SECOND, 336, "broker"],
    orchestrator: [FIRST, 502, "service"],
    models: [SECOND, 502, "service"],
    agents: [FIRST, 596, "service"],
    llm: [SECOND, 596, "service"],
    store: [BESIDE, 90, "store", BESIDE_WIDTH],
    blobs: [BESIDE, 136, "store", BESIDE_WIDTH],
    redis: [BESIDE, 182, "broker", BESIDE_WIDTH],
    parser: [BESIDE, 228, "worker", BESIDE_WIDTH],
    web: [BESIDE, 274, "web", BESIDE_WIDTH],
    browser: [BESIDE, 320, "worker", BESIDE_WIDTH],
    notify: [BESIDE, 366, "worker", BESIDE_WIDTH],
    ollama: [BESIDE, 474, "model", BESIDE_WIDTH],
    openai: [BESIDE, 524, "model", BESIDE_WIDTH],
    llamacpp: [BESIDE, 574, "model", BESIDE_WIDTH],
    npu: [BESIDE, 624, "worker", BESIDE_WIDTH],
  },
  part: { width: 82, height: 36 },
  spares: { perRow: 4, apart: 90 },
  lanes: { down: 0.2, up: 0.45 },
  ways: { "gateway-ai": "round" },
  narrow: true,
};

/** Pixels of room from which the wide drawing can be read. */
export const WIDE_FROM = 880;
