import { readonly, ref } from "vue";
import { api, socketAddress } from "@/shared/http";
import { reconnectDelay } from "./backoff";
import { Connection, type Mode } from "./connection";
import type { Phase } from "./protocol";
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
  delay: (failures) => reconnectDelay(failures, () => Math.random(), api.live),
  later: (ms, action) => {
    const timer = setTimeout(action, ms);
    return () => clearTimeout(timer);
  },
});
/* eslint-enable no-restricted-globals, no-restricted-properties */

const phase = ref<Phase>("idle");
const mode = ref<Mode>("socket");
realtime.watch((nextPhase, nextMode) => {
  phase.value = nextPhase;
  mode.value = nextMode;
});
addEventListener("online", () => realtime.hurry());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") realtime.hurry();
});

/** How the connection stands, for the screens that show it. */
export const realtimeState = { phase: readonly(phase), mode: readonly(mode) };

export type { Handler } from "./connection";
