import { describe, expect, it } from "vitest";
import { effectScope, nextTick } from "vue";
import { ApiError, type Tagged } from "@/shared/http";
import { useHeld, type Held } from "./useHeld";

interface Thing {
  readonly name: string;
  readonly progress: number;
}

/** A server with one object, and a form over its name. */
function world(): { now: Thing; asked: number; form: string; held: Held<Thing, string>; write: (name: string, lost?: boolean) => (tag: string) => Promise<Thing>; stop: () => void } {
  const scope = effectScope();
  const made = {
    now: { name: "Ferns", progress: 0 } as Thing,
    asked: 0,
    form: "",
    stop: () => scope.stop(),
    write: (name: string, lost = false) => (tag: string): Promise<Thing> => {
      made.asked += 1;
      if (tag !== JSON.stringify(made.now)) return Promise.reject(new ApiError("problem", "changed", { status: 412 }));
      made.now = { ...made.now, name };
      return lost ? made.write(name)(tag) : Promise.resolve(made.now);
    },
  } as ReturnType<typeof world>;
  const read = (): Promise<Tagged<Thing>> => Promise.resolve({ value: made.now, tag: JSON.stringify(made.now) });
  scope.run(() => (made.held = useHeld(read, ({ name }) => name, (name) => (made.form = name))));
  return made;
}
async function opened(): Promise<ReturnType<typeof world>> {
  const made = world();
  await nextTick();
  await nextTick();
  expect(made.form).toBe("Ferns");
  return made;
}

describe("an object that a form holds", () => {
  it("is written as it was read", async () => {
    const made = await opened();
    expect(await made.held.save("Moss", made.write("Moss"))).toEqual({ name: "Moss", progress: 0 });
    expect([made.asked, made.held.theirs.value]).toEqual([1, null]);
    made.stop();
  });
  it("is written all the same when something else of it changed, and the form stays", async () => {
    const made = await opened();
    made.form = "Moss";
    made.now = { name: "Ferns", progress: 7 };
    expect(await made.held.save("Moss", made.write("Moss"))).toEqual({ name: "Moss", progress: 7 });
    expect([made.asked, made.form]).toEqual([2, "Moss"]);
    made.stop();
  });
  it("is not written over what somebody else said; then one takes over what it is, or insists", async () => {
    const made = await opened();
    made.form = "Moss";
    made.now = { name: "Lichen", progress: 0 };
    await expect(made.held.save("Moss", made.write("Moss"))).rejects.toMatchObject({ status: 412 });
    expect([made.now.name, made.held.theirs.value?.name, made.form]).toEqual(["Lichen", "Lichen", "Moss"]);
    made.held.accept();
    expect([made.form, made.held.theirs.value]).toEqual(["Lichen", null]);
    made.now = { name: "Bread", progress: 0 };
    await expect(made.held.save("Moss", made.write("Moss"))).rejects.toMatchObject({ status: 412 });
    made.held.insist();
    await made.held.save("Moss", made.write("Moss"));
    expect([made.now.name, made.form]).toEqual(["Moss", "Lichen"]);
    made.stop();
  });
  it("is written once when the answer was lost and the call was repeated", async () => {
    const made = await opened();
    expect(await made.held.save("Moss", made.write("Moss", true))).toEqual({ name: "Moss", progress: 0 });
    made.stop();
  });
  it("passes on every other error", async () => {
    const made = await opened();
    const refused = new ApiError("problem", "no", { status: 403 });
    await expect(made.held.save("Moss", () => Promise.reject(refused))).rejects.toBe(refused);
    expect(made.held.theirs.value).toBeNull();
    made.stop();
  });
  it("is not tried for without end", async () => {
    const made = await opened();
    const changing = (): Promise<Thing> => {
      made.now = { ...made.now, progress: made.now.progress + 1 };
      return made.write("Moss")("stale");
    };
    await expect(made.held.save("Moss", changing)).rejects.toMatchObject({ status: 412 });
    expect(made.asked).toBe(6);
    made.stop();
  });
});
