import { shallowRef, type ShallowRef } from "vue";
import { ApiError, type Tagged } from "@/shared/http";
import { useResource, type Resource } from "./useResource";

/** So often a save is tried again when something else of the object changed than what a form shows. */
const TRIES = 5;

/** What a dialog needs of it, whatever the object. */
export type Holding = Pick<Held<unknown, unknown>, "error" | "loading" | "theirs" | "reload" | "accept" | "insist">;

export interface Held<T, F> extends Pick<Resource<Tagged<T>>, "data" | "error" | "loading" | "reload"> {
  /** What the object is by now, when somebody else changed what the form shows. */
  theirs: ShallowRef<T | null>;
  /** Writes under the tag of what the form was filled with. `wanted` is what the form says; null for a removal. */
  save: <R>(wanted: F | null, write: (tag: string, now: T) => Promise<R>) => Promise<R | T>;
  /** Goes on from what the object is by now: in the form too, or with what the form says. */
  accept: () => void;
  insist: () => void;
}

/**
 * The object of a form, read when the form opens, and changed only while it is as the form shows it. `fieldsOf` are the
 * members that the form shows: who changes another one meanwhile stands in nobody's way. `fill` puts them into the form.
 */
export function useHeld<T, F>(read: (signal?: AbortSignal) => Promise<Tagged<T>>, fieldsOf: (value: T) => F, fill: (fields: F) => void): Held<T, F> {
  const { data, error, loading, reload } = useResource(async (signal) => {
    const found = await read(signal);
    if (data.value === undefined) fill(fieldsOf(found.value));
    return found;
  });
  const theirs = shallowRef<T | null>(null);
  let newest: Tagged<T> | null = null;
  const isSame = (one: F | null, other: F): boolean => JSON.stringify(one) === JSON.stringify(other);

  async function save<R>(wanted: F | null, write: (tag: string, now: T) => Promise<R>): Promise<R | T> {
    theirs.value = null;
    for (let left = TRIES; ; left -= 1) {
      const held = data.value;
      if (held === undefined) throw new Error("it was not read yet");
      try {
        return await write(held.tag, held.value);
      } catch (reason) {
        if (!(reason instanceof ApiError && reason.status === 412) || left === 0) throw reason;
        newest = await read();
        // The answer of an earlier try may have been lost.
        if (wanted !== null && isSame(wanted, fieldsOf(newest.value))) return newest.value;
        if (!isSame(fieldsOf(held.value), fieldsOf(newest.value))) {
          theirs.value = newest.value;
          throw reason;
        }
        data.value = newest;
      }
    }
  }
  function accept(): void {
    if (newest === null) return;
    data.value = newest;
    theirs.value = null;
    fill(fieldsOf(newest.value));
  }
  function insist(): void {
    if (newest !== null) data.value = newest;
    theirs.value = null;
  }
  return { data, error, loading, reload, theirs, save, accept, insist };
}
