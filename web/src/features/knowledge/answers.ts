import { useSessionStorage } from "@vueuse/core";
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef, type WritableComputedRef } from "vue";
import type { FoundPassage, Page, QuestionSet, QuestionSetSummary, SearchQuestion } from "@/contracts/api";
import { t } from "@/shared/catalogue";
import { useResource, type Resource } from "@/shared/ui/useResource";
import { answerOf, canBeKept, gradedKind, gradesIn, KINDS, type Grade, type Grades, type Kind } from "./grading.state";
import { createSet, gradeAnswers, listSets, readSet } from "./quality.api";

export interface Answers {
  sets: Resource<Page<QuestionSetSummary> | null>;
  /** The set that answers go to; empty for one that is made with the first. */
  into: Ref<string>;
  /** Whether documents or passages are graded; what is graded of the question already decides. */
  kind: WritableComputedRef<Kind>;
  decided: ComputedRef<boolean>;
  /** Grades of 0 alone wait here: a question needs something that answers it. */
  waits: ComputedRef<boolean>;
  busy: Ref<boolean>;
  error: ShallowRef<unknown>;
  gradeOf: (item: FoundPassage) => number | null;
  grade: (item: FoundPassage, grade: Grade) => Promise<void>;
  /** Whether answers can be kept: a collection is searched, and one may change it. */
  can: ComputedRef<boolean>;
}

/** Keeps how well results answer as a question of a set of the collection that is searched. */
export function useAnswers(question: () => SearchQuestion | null, mayWrite: (collection: string) => boolean): Answers {
  const collection = (): string | null => question()?.collection ?? null;
  const sets = useResource<Page<QuestionSetSummary> | null>((signal) => {
    const place = collection();
    return place === null ? Promise.resolve(null) : listSets(place, signal);
  }, { when: collection, fresh: true });
  const picked = ref("");
  const into = computed({
    get: () => sets.data.value?.items.find(({ id }) => id === picked.value)?.id ?? sets.data.value?.items[0]?.id ?? "",
    set: (id: string) => (picked.value = id),
  });
  const set = useResource<QuestionSet | null>((signal) => {
    const place = collection();
    return place === null || into.value === "" ? Promise.resolve(null) : readSet(place, into.value, signal);
  }, { when: () => `${collection()} ${into.value}`, fresh: true });

  const held = shallowRef<Grades>({});
  watch(() => JSON.stringify([collection(), into.value, question()?.query]), () => (held.value = {}));
  const known = computed<Grades>(() => ({ ...gradesIn(set.data.value, question()?.query ?? ""), ...held.value }));
  const wanted = useSessionStorage<Kind>("autobot.knowledge.graded", "document");
  const kept = computed(() => gradedKind(known.value));
  const kind = computed({ get: () => kept.value ?? KINDS.find((one) => one === wanted.value) ?? "document", set: (one: Kind) => (wanted.value = one) });

  const busy = ref(false);
  const error = shallowRef<unknown>(null);
  async function send(place: string, query: string, grades: Grades): Promise<void> {
    if (into.value === "") {
      picked.value = (await createSet(place, t.knowledge.measure.firstSet)).id;
      await sets.reload();
    }
    await gradeAnswers(place, into.value, query, grades);
    await set.reload();
    held.value = {};
  }
  async function grade(item: FoundPassage, given: Grade): Promise<void> {
    const [place, query] = [collection(), question()?.query];
    if (busy.value || place === null || query === undefined || !mayWrite(place)) return;
    const grades = { ...held.value, [answerOf(item, kind.value)]: given };
    error.value = null;
    if (!canBeKept({ ...known.value, ...grades })) return void (held.value = grades);
    busy.value = true;
    try {
      await send(place, query, grades);
    } catch (reason) {
      error.value = reason;
    } finally {
      busy.value = false;
    }
  }
  const can = computed(() => {
    const place = collection();
    return place !== null && mayWrite(place);
  });
  return { sets, into, kind, decided: computed(() => kept.value !== null), waits: computed(() => Object.keys(held.value).length > 0), busy, error, gradeOf: (item) => known.value[answerOf(item, kind.value)] ?? null, grade, can };
}
