import { expect, it } from "vitest";
import { withSample, type Traces } from "./traces";

it("keeps a bounded trace of each value and drops what is named no more", () => {
  let traces: Traces = {};
  for (let n = 0; n < 9; n += 1) traces = withSample(traces, { a: n, b: -n }, 4);
  expect(traces).toEqual({ a: [5, 6, 7, 8], b: [-5, -6, -7, -8] });
  expect(withSample(traces, { b: 1 }, 4)).toEqual({ b: [-6, -7, -8, 1] });
});
