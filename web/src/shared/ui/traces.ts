/** The last values of several things, oldest first. Pure. */
export type Traces = Readonly<Record<string, readonly number[]>>;

/** The traces with one value more each, at most `length` long; what is named no more is dropped. */
export function withSample(traces: Traces, values: Readonly<Record<string, number>>, length: number): Traces {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [...(traces[name] ?? []), value].slice(-length)]));
}
