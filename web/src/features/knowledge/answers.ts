import { computed, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from "vue";
import type { Page, QuestionSetSummary, SearchQuestion } from "@/contracts/api";
import { t } from "@/shared/catalogue";
import { useResource, type Resource } from "@/shared/ui/useResource";
import { createSet, gradeAnswer, listSets } from "./quality.api";

export interface Answers {
  sets: Resource<Page<QuestionSetSummary> | null>;
  /** The set that answers go to; empty for one that is made with the first. */
  into: Ref<string>;
  busy: Ref<boolean>;
  error: ShallowRef<unknown>;
  isKept: (document: string) => boolean;
  keep: (document: string) => Promise<void>;
  /** Whether answers can be kept: a collection is searched, and one may change it. */
  can: ComputedRef<boolean>;
}

/** Keeps what is right of a search as answers of a question set of the collection that is searched. */
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
  const kept = ref(new Set<string>());
  const named = (document: string): string => JSON.stringify([collection(), into.value, question()?.query, document]);
  const busy = ref(false);
  const error = shallowRef<unknown>(null);
  async function keep(document: string): Promise<void> {
    const [place, asked] = [collection(), question()?.query];
    if (busy.value || place === null || asked === undefined || !mayWrite(place)) return;
    busy.value = true;
    error.value = null;
    try {
      if (into.value === "") {
        picked.value = (await createSet(place, t.knowledge.measure.firstSet)).id;
        await sets.reload();
      }
      await gradeAnswer(place, into.value, asked, document);
      kept.value = new Set([...kept.value, named(document)]);
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
  return { sets, into, busy, error, isKept: (document) => kept.value.has(named(document)), keep, can };
}
