import { readonly, ref } from "vue";
import { api, socketAddress } from "@/shared/http";
import { reconnectDelay } from "./backoff";
import { Connection, type Standing } from "./connection";
import { followStream } from "./sse";

/** Runs have a stream of their own, which ends with the run; every other channel shares one route. */
function streamAddress(channel: string, after: number | null): string {
  const run = /^run:(.+)$/.exec(channel)?.[1];
  if (run !== undefined) return api.address(`/api/v1/chat/runs/${encodeURIComponent(run)}/events`, { after });
  return api.address("/api/v1/events/stream", { channel, after });
}

/* eslint-disable no-restricted-globals, no-restricted-properties -- the shell where the world comes in */
/** The page's one realtime connection. */
export const realtime = new Connection({
  dial: () => new WebSocket(socketAddress("/ws")),
  streamAddress,
  follow: followStream,
  refused: (status) => status === 401 && api.signedOut(),
  delay: (failures) => reconnectDelay(failures, () => Math.random(), api.live),
  later: (ms, action) => {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
});
/* eslint-enable no-restricted-globals, no-restricted-properties */

const standing = ref<Standing>(realtime.standing);
realtime.watch((next) => (standing.value = next));
addEventListener("online", () => realtime.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") realtime.hurry();
});

/** How the connection stands, for the screens that show it. */
export const realtimeStanding = readonly(standing);

export type { Handler } from "./connection";
