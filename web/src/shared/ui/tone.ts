/** How a state feels, whatever it is called. */
export type Tone = "good" | "warn" | "bad" | "idle" | "note";
