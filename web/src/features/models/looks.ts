import type { Model } from "@/contracts/api";
import { t } from "@/shared/catalogue";
import type { Tone } from "@/shared/ui/tone";
import { money, type Accelerator, type ServerState } from "./models.state";

export const modelTones: Record<Model["state"], Tone> = { ready: "good", absent: "idle", unreachable: "bad" };
export const serverTones: Record<ServerState, Tone> = { well: "good", failing: "bad", aside: "warn", paused: "warn", isolated: "bad", unreachable: "bad", unknown: "idle" };
export const acceleratorTones: Record<Accelerator["state"], Tone> = { ready: "good", idle: "idle", starting: "note", absent: "idle", unreachable: "bad" };
export const slotTones: Record<NonNullable<Accelerator["report"]>["slots"][number]["state"], Tone> = { ready: "good", cold: "idle", loading: "note", absent: "idle", failed: "bad" };

const icons: Readonly<Record<string, string>> = { ollama: "i-lucide-box", openai: "i-lucide-cloud", llamacpp: "i-lucide-file-box", npu: "i-lucide-cpu", assistant: "i-lucide-life-buoy" };
export const iconOf = (provider: string): string => icons[provider] ?? "i-lucide-sparkles";

/** A cost; nothing where nothing was to be paid or no price is set. */
export const costOf = (value: number, currency: string): string => (value === 0 ? t.common.none : money(value, currency));
