import { shallowRef, watch, type ShallowRef } from "vue";
import type { Link, Page } from "@/contracts/api";
import { withSample, type Traces } from "@/shared/ui/traces";
import { useResource, type Resource } from "@/shared/ui/useResource";
import { listLinks } from "./communication.api";

export const POLL_MS = 2_000;
/** Two minutes of samples. */
const SAMPLES = 60;

export function useLinks(): Resource<Page<Link>> & { traces: ShallowRef<Traces>; seenAt: ShallowRef<string> } {
  const links = useResource(listLinks, { pollMs: POLL_MS });
  const traces = shallowRef<Traces>({});
  const seenAt = shallowRef("");
  watch(links.data, (page) => {
    if (page === undefined) return;
    traces.value = withSample(traces.value, Object.fromEntries(page.items.map(({ id, rate }) => [id, rate])), SAMPLES);
    seenAt.value = new Date().toISOString();
  });
  return { ...links, traces, seenAt };
}
