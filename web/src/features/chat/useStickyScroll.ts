import { onScopeDispose, ref, watch, type Ref } from "vue";

/** Pixels from the end within which a reader counts as being at the end. */
const NEAR = 48;

/** Keeps a growing text in view while its reader is at the end, and leaves a reader who has scrolled up alone. */
export function useStickyScroll(frame: Ref<HTMLElement | null>, content: Ref<HTMLElement | null>): { atEnd: Ref<boolean>; toEnd: (smooth?: boolean) => void } {
  const atEnd = ref(true);
  let lastTop = 0;

  function toEnd(smooth = false): void {
    atEnd.value = true;
    frame.value?.scrollTo({ top: frame.value.scrollHeight, behavior: smooth ? "smooth" : "instant" });
  }
  function onScroll(): void {
    const element = frame.value;
    if (element === null) return;
    const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
    // Growth alone never unsticks; only moving up does.
    if (element.scrollTop < lastTop && distance > NEAR) atEnd.value = false;
    else if (distance <= NEAR) atEnd.value = true;
    lastTop = element.scrollTop;
  }
  const observer = new ResizeObserver(() => atEnd.value && toEnd());
  watch(
    [frame, content],
    ([nextFrame, nextContent], [oldFrame]) => {
      oldFrame?.removeEventListener("scroll", onScroll);
      nextFrame?.addEventListener("scroll", onScroll, { passive: true });
      observer.disconnect();
      if (nextContent) observer.observe(nextContent);
      if (nextFrame) observer.observe(nextFrame);
    },
    { immediate: true, flush: "post" },
  );
  onScopeDispose(() => {
    observer.disconnect();
    frame.value?.removeEventListener("scroll", onScroll);
  });
  return { atEnd, toEnd };
}
