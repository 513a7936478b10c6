/** Numbers and times as people read them. Pure: the present comes in. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `now`, `12 s ago`, `in 3 min`, `5 h ago`, `4 d ago`; the date from thirty days on. */
export function relative(at: number, now: number): string {
  const gap = Math.abs(now - at);
  if (gap < 2 * SECOND) return "now";
  if (gap >= 30 * DAY) return new Date(at).toISOString().slice(0, 10);
  const [size, unit] = gap < MINUTE ? [SECOND, "s"] : gap < HOUR ? [MINUTE, "min"] : gap < DAY ? [HOUR, "h"] : [DAY, "d"];
  const text = `${Math.floor(gap / size)} ${unit}`;
  return at <= now ? `${text} ago` : `in ${text}`;
}

/** A length of time: `0.4 ms`, `12 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 10) return `${trim(ms.toFixed(1))} ms`;
  if (ms < SECOND) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND) return `${trim((ms / SECOND).toFixed(1))} s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)} s`;
  if (ms < HOUR) return pair(ms, MINUTE, "min", SECOND, "s");
  return pair(ms, HOUR, "h", MINUTE, "min");
}

function pair(ms: number, big: number, bigUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((ms % big) / small);
  return `${Math.floor(ms / big)} ${bigUnit}${rest ? ` ${rest} ${smallUnit}` : ""}`;
}

const trim = (text: string): string => text.replace(/\.0$/, "");

/** `950`, `1.2k`, `3.4M`. */
export function count(value: number): string {
  if (value < 1000) return String(Math.round(value));
  if (value < 1_000_000) return `${trim((value / 1000).toFixed(value < 10_000 ? 1 : 0))}k`;
  return `${trim((value / 1_000_000).toFixed(1))}M`;
}

/** Bytes: `10 B`, `1.5 kB`, `45 kB`, `2.4 MB`. */
export function bytes(size: number): string {
  if (size < 1000) return `${size} B`;
  if (size < 1_000_000) return `${(size / 1000).toFixed(size < 10_000 ? 1 : 0)} kB`;
  return `${(size / 1_000_000).toFixed(size < 10_000_000 ? 1 : 0)} MB`;
}

/** Calls a second: `0`, `0.05`, `2.4`, `120`. */
export function rate(value: number): string {
  if (value === 0) return "0";
  if (value < 0.01) return "<0.01";
  if (value < 1) return value.toFixed(2);
  return value < 10 ? trim(value.toFixed(1)) : count(value);
}

/** A share between 0 and 1 as percent: `0 %`, `0.4 %`, `12 %`. */
export function percent(share: number): string {
  const value = share * 100;
  return `${value === 0 ? "0" : value < 10 ? trim(value.toFixed(1)) : Math.round(value)} %`;
}

const exactly = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** The local date and time to the second with the name of its zone, for the hover over a relative time. */
export function exactTime(at: number): string {
  return Number.isNaN(at) ? "" : exactly.format(at);
}

/** The start of an id, long enough to tell ids apart: the random tail, since UUIDv7 begin with the time. */
export function shortId(id: string): string {
  return id.length <= 12 ? id : `…${id.slice(-8)}`;
}
