import { describe, expect, it } from "vitest";
import type { ReadModel, ReadModelChange } from "@/contracts/api";
import { candidateOf, documentsOf, doubtOf, offered, progressOf } from "./readmodels.state";

type Beside = NonNullable<ReadModel["beside"]>;
const model = (beside: Partial<Beside> | null, state: ReadModel["state"] = "live"): ReadModel => ({
  name: "chat",
  version: 1,
  tables: ["chat.sessions"],
  state,
  position: 200,
  lag: 0,
  lag_seconds: 0,
  skipped: 0,
  reason: "",
  on_poison: "stop",
  kept_by: "",
  beside: beside && { generation: 3, candidate: null, candidate_position: 0, ready: false, previous: null, refused: "", parity: null, ...beside },
});
const change = (status: ReadModelChange["status"], act: ReadModelChange["act"] = "rebuild"): ReadModelChange =>
  ({ id: "1", name: "chat", act, status, reason: "", asked_by: "root", asked_at: "2026-01-01T00:00:00Z", ended_at: null, error: null }) as unknown as ReadModelChange;
const parity = (equal: boolean): Beside["parity"] => ({ generation: 4, position: 9, equal, tables: [{ table: "chat.sessions", equal, documents: 4, hash: "a", candidate_documents: 5, candidate_hash: "b" }] });

describe("what stands beside", () => {
  it("is told apart by what is there and who works on it", () => {
    expect(candidateOf(model({}), [])).toBe("none");
    expect(candidateOf(model({ candidate: 4 }), [change("running")])).toBe("building");
    expect(candidateOf(model({ candidate: 4 }), [change("failed")])).toBe("half");
    expect(candidateOf(model({ candidate: 4, ready: true }), [change("running", "parity")])).toBe("ready");
  });

  it("is shown with its share of the log, which never passes the whole", () => {
    expect(progressOf(model({ candidate: 4, candidate_position: 50 }))).toBe(0.25);
    expect(progressOf(model({ candidate: 4, candidate_position: 260 }))).toBe(1);
    expect(progressOf(model({}))).toBe(0);
  });

  it("gives cause for doubt unless it was found equal", () => {
    expect([model({}), model({ parity: parity(false) }), model({ parity: parity(true) })].map(doubtOf)).toEqual(["uncompared", "unequal", null]);
    expect(documentsOf(model({ parity: parity(true) }))).toBe(4);
    expect(documentsOf(model({}))).toBeNull();
  });
});

describe("acts", () => {
  it("are those that the server would accept", () => {
    expect(offered(model({}), [])).toEqual(["rebuild"]);
    expect(offered(model({ previous: 2 }), [])).toEqual(["rebuild", "rollback", "discard_kept"]);
    expect(offered(model({ candidate: 4, ready: true, previous: 2 }), [])).toEqual(["parity", "switch", "discard", "discard_kept"]);
    expect(offered(model({ candidate: 4 }), [])).toEqual(["rebuild", "discard"]);
  });

  it("of a rebuild under way are to cancel it, once there is something to cancel", () => {
    expect(offered(model({ candidate: 4 }), [change("running")])).toEqual(["cancel"]);
    expect(offered(model({}), [change("accepted")])).toEqual([]);
  });

  it("are none where nothing is stored or the read model stands still", () => {
    expect(offered(model(null, "folded"), [])).toEqual([]);
    expect(offered(model({ candidate: 4 }, "stopped"), [])).toEqual([]);
  });
});
